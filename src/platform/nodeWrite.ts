import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { FileAccessError } from "../errors.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "its folder is not there",
  ENOTDIR: "a part of the path is a file, not a folder",
  EEXIST: "a file of that name is there, not a folder",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "permission to write it is missing",
  EROFS: "the file system is read-only",
  EISDIR: "is a folder",
  EFBIG: "the file would be too large",
};

/** The system's word on what could not be written, for people. */
export function whyNotWritten(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return reasons[code] ?? code;
}

/**
 * Makes a folder and those around it. Node's own way (`recursive`) tries for ever where a folder is there in which none can be made
 * and the system says that something is missing, as below /proc.
 * @returns the first that was made
 */
export function makeFolders(path: string): string | undefined {
  const make = (): string | undefined => {
    try {
      mkdirSync(path);
      return path;
    } catch (error) {
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return undefined;
      throw error;
    }
  };
  try {
    return make();
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === path) throw error;
    const first = makeFolders(parent);
    return make() === undefined ? first : (first ?? path);
  }
}

/**
 * Where a file's bytes go. A link stays, and the file that it names is written, also one that is not there yet. What is there and
 * is no file (a device, a pipe) must not be replaced by one: `isFile` is false, and the bytes go straight into it.
 */
export function destination(path: string): { readonly place: string; readonly isFile: boolean } {
  const known = statSync(path, { throwIfNoEntry: false });
  if (known !== undefined && !known.isFile() && !known.isDirectory()) return { place: path, isFile: false };
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return { place: path, isFile: true };
  if (known !== undefined) return { place: realpathSync(path), isFile: true };
  return destination(resolve(realpathSync(dirname(path)), readlinkSync(path)));
}

/**
 * Writes a file as a whole or not at all: beside it first, then renamed over it. Whatever goes wrong, a file that was there
 * before is still there, complete. Folders are made. Links are followed; devices and pipes are written to.
 * @throws FileAccessError
 */
export function writeFileAtomic(path: string, data: Uint8Array): void {
  let kept = "; what was there before is unchanged";
  try {
    const { place, isFile } = destination(path);
    if (!isFile) kept = "";
    makeFolders(dirname(place));
    if (isFile) replaceFile(place, data);
    else writeInto(place, data);
  } catch (cause) {
    throw new FileAccessError(path, `cannot be written (${whyNotWritten(cause)})${kept}`, { cause });
  }
}

function replaceFile(path: string, data: Uint8Array): void {
  const part = `${path}.part`;
  try {
    writeInto(part, data, fsyncSync);
    renameSync(part, path);
  } catch (error) {
    try {
      unlinkSync(part);
    } catch {
      // It was never made.
    }
    throw error;
  }
}

function writeInto(path: string, data: Uint8Array, finish: (fd: number) => void = () => {}): void {
  const fd = openSync(path, "w");
  try {
    for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, Math.min(data.length - at, 1 << 30));
    finish(fd);
  } finally {
    closeSync(fd);
  }
}
