import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { FileAccessError } from "../errors.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "permission to write it is missing",
  EROFS: "the file system is read-only",
  EISDIR: "is a folder",
  EFBIG: "the file would be too large",
};

/**
 * Writes a file as a whole or not at all: beside it first, then renamed over it. Whatever goes wrong, a file that was there
 * before is still there, complete. Folders are made.
 * @throws FileAccessError
 */
export function writeFileAtomic(path: string, data: Uint8Array): void {
  const part = `${path}.part`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const fd = openSync(part, "w");
    try {
      for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, Math.min(data.length - at, 1 << 30));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(part, path);
  } catch (cause) {
    try {
      unlinkSync(part);
    } catch {
      // It was never made.
    }
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new FileAccessError(
      path,
      `cannot be written (${reasons[code] ?? code}); what was there before is unchanged`,
      {
        cause,
      },
    );
  }
}
