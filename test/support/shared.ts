import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds package.json; tests run compiled, some levels below it. */
export const repoRoot: string = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("no package.json above the tests");
    folder = parent;
  }
  return folder;
})();

const said = new Set<string>();

/**
 * Path of a file in the shared data folder (`RESNET_TS_SHARED`, else `../shared` beside the repository), or undefined
 * when it is not there; that is said once, so that nobody takes a shorter run for a whole one.
 */
export function sharedPath(relative: string): string | undefined {
  const folder = process.env.RESNET_TS_SHARED ?? join(repoRoot, "..", "shared");
  const path = join(folder, relative);
  if (existsSync(path)) return path;
  if (!said.has(relative)) {
    said.add(relative);
    console.log(`shared file ${relative} is not there: the cases that need it do not run`);
  }
  return undefined;
}
