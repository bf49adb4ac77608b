import type { DiskFile, Folder } from "./files.ts";

export { cacheStore, environment } from "./browserCache.ts";
export { createSha256 } from "./sha256.ts";

/** There are no paths here: undefined says that a string is an address to fetch. */
export function openFile(_path: string | URL): DiskFile | undefined {
  return undefined;
}

/** Nor are there folders. */
export function listFolder(_path: string): Folder | undefined {
  return undefined;
}

/** The browser knows its proxies. Wrapped, because fetch wants to be called on the window. */
export const httpFetch: typeof fetch = (input, init) => fetch(input, init);
