/**
 * `npm run build:web`: the page as a static site in build/web, made from the package as it is published.
 * `npm run web`: the same, then served at http://localhost:5180/ with the headers that allow threads.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { buildDist } from "./dist.js";
import { at, hashFiles, listFiles, readText, writeIfChanged } from "./support/files.js";
import { install } from "./support/install.js";

const stampFile = "build/.web";
const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });

export async function buildWeb({ log = console.error } = {}) {
  const started = performance.now();
  await install({ folder: "web" });
  await buildDist({ log });
  const stamp = hashFiles([
    ...listFiles(["dist/web", "dist/kernels", "dist/weights"], () => true),
    ...listFiles(["web/src", "web/public"], () => true),
    "web/index.html",
    "web/vite.config.js",
    "web/package-lock.json",
    "test/runtimes/expected.json",
  ]);
  if (readText(stampFile) === stamp && existsSync(at("build/web/index.html"))) return;
  run(process.execPath, [at("web/node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"], at("web"));
  writeIfChanged(stampFile, stamp);
  log(`web: build/web, ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await buildWeb();
  if (process.argv.includes("--serve")) {
    const vite = at("web/node_modules/vite/bin/vite.js");
    execFileSync(process.execPath, [vite, "preview", "--port", "5180"], { cwd: at("web"), stdio: "inherit" });
  }
}
