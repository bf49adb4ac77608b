/**
 * `node scripts/run.js FILE ARGUMENTS…`: installs and builds what is missing, then runs a compiled program in the folder
 * that the user called npm from. Standard output belongs to that program; installing and building speak on standard error.
 */
import { spawn } from "node:child_process";
import { build } from "./build.js";
import { at } from "./support/files.js";
import { install } from "./support/install.js";

const [file, ...args] = process.argv.slice(2);
try {
  await install();
  await build();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
const cwd = process.env.INIT_CWD ?? process.cwd();
const child = spawn(process.execPath, [at(file), ...args], { stdio: "inherit", cwd });
// Ctrl-C reaches the child as well: it says goodbye, and its exit code is ours.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("close", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
});
