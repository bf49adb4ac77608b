import { existsSync, mkdirSync, rmSync } from "node:fs";
import { buildDist } from "../dist.js";
import { at } from "./files.js";
import { run, runNode } from "./process.js";

let packed;

/** Builds and packs what would be published, once per process: the path of the .tgz, or undefined while there is no entry. */
export function tarball({ log } = {}) {
  packed ??= (async () => {
    if (!existsSync(at("src/index.ts"))) return undefined;
    await buildDist({ log });
    const folder = at("build/pack");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const npm = process.env.npm_execpath;
    const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
    const result = npm?.endsWith(".js") ? await runNode([npm, ...args]) : await run("npm", args);
    if (result.code !== 0) throw new Error(`npm pack failed\n${result.output}`);
    const [entry] = Object.values(JSON.parse(result.stdout));
    return `${folder}/${entry.filename}`;
  })();
  return packed;
}
