import type { DiskFile, Folder } from "./files.ts";

/** There are no paths here: undefined says that a string is an address to fetch. */
export function openFile(_path: string | URL): DiskFile | undefined {
  return undefined;
}

/** Nor are there folders. */
export function listFolder(_path: string): Folder | undefined {
  return undefined;
}
