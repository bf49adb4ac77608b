import { existsSync } from "node:fs";
import { at, readText } from "./files.js";
import { run } from "./process.js";

/** Whether node_modules holds what package-lock.json asks for; npm's own record of the tree is compared, not guessed. */
export function isInstalled(folder = ".") {
  const lock = readText(`${folder}/package-lock.json`);
  if (!lock) {
    const { dependencies } = JSON.parse(readText(`${folder}/package.json`));
    return Object.keys(dependencies).every((name) => existsSync(at(`${folder}/node_modules/${name}/package.json`)));
  }
  const tree = readText(`${folder}/node_modules/.package-lock.json`);
  if (!lock || !tree) return false;
  const wanted = JSON.parse(lock).packages;
  const present = JSON.parse(tree).packages;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === "" || entry.version === present[path]?.version || (!present[path] && (entry.optional || entry.peer)),
  );
}

/** Installs the packages unless they are there. Everything it says goes to stderr: stdout belongs to the command. */
export async function install({ folder = "." } = {}) {
  if (isInstalled(folder)) return;
  // test/runtimes has exact versions and no lock file: npm leaves other platforms' binaries out of the lock that it writes
  // (deno, workerd), and `npm ci` then refuses that lock.
  const command = existsSync(at(`${folder}/package-lock.json`)) ? ["ci"] : ["install", "--no-package-lock"];
  console.error(`installing packages${folder === "." ? "" : ` in ${folder}`} (npm ${command.join(" ")}) …`);
  const npm = process.env.npm_execpath;
  const args = [...command, "--no-audit", "--no-fund", "--loglevel=error"];
  const windows = process.platform === "win32";
  // Called as `npm test`, npm says where it lives; called as `node scripts/test.js`, it is looked up on the PATH.
  const result = npm?.endsWith(".js")
    ? await run(process.execPath, [npm, ...args], { echo: true, cwd: at(folder) })
    : await run(windows ? "npm.cmd" : "npm", args, { echo: true, cwd: at(folder) });
  if (result.code !== 0) throw new Error(`npm ${command[0]} failed with exit code ${result.code}; its output is above`);
}
