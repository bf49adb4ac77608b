import { readdirSync, realpathSync, statSync } from "node:fs";
import { FileAccessError } from "../errors.ts";
import type { Folder } from "./files.ts";

/** What is in a folder, by name in code point order (not the locale's, so it is the same everywhere). Undefined when it is no folder. */
export function listFolder(path: string): Folder | undefined {
  const known = statSync(path, { throwIfNoEntry: false });
  if (known === undefined || !known.isDirectory()) return undefined;
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    const isFolder = (e: (typeof entries)[number]) =>
      e.isSymbolicLink()
        ? statSync(`${path}/${e.name}`, { throwIfNoEntry: false })?.isDirectory() === true
        : e.isDirectory();
    const folders = entries.filter(isFolder).map((e) => e.name);
    const files = entries.filter((e) => !isFolder(e)).map((e) => e.name);
    return { path: realpathSync(path), folders: folders.sort(byCodePoint), files: files.sort(byCodePoint) };
  } catch (cause) {
    throw new FileAccessError(path, `the folder cannot be listed (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    });
  }
}

const byCodePoint = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
