import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, wherever the script was called from. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

export const at = (...parts) => join(root, ...parts);

/** Every file under the given files and folders, as sorted paths relative to the root; what is absent is left out. */
export function listFiles(paths, keep = () => true) {
  const found = [];
  const visit = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const full = join(path, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== "node_modules") visit(full);
      } else found.push(full);
    }
  };
  for (const path of paths) {
    const full = at(path);
    if (!existsSync(full)) continue;
    try {
      visit(full);
    } catch (error) {
      if (error.code !== "ENOTDIR") throw error;
      found.push(full);
    }
  }
  return found
    .map((path) => relative(root, path).split(sep).join("/"))
    .filter(keep)
    .sort();
}

/** One hash for names and contents together, so that a rename counts as a change. */
export function hashFiles(files, ...extra) {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(at(file)))
      .update("\0");
  for (const text of extra) hash.update(`${text}\0`);
  return hash.digest("hex");
}

export const readText = (path) => (existsSync(at(path)) ? readFileSync(at(path), "utf8") : undefined);

/** Writes only what differs, so that timestamps (and everything that watches them) stay as they are. */
export function writeIfChanged(path, text) {
  if (readText(path) === text) return false;
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  return true;
}
