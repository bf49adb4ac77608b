import { type BigIntStats, closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { FileAccessError } from "../errors.ts";
import type { DiskFile } from "./files.ts";

// The file is opened for each read and closed behind it: a lazy checkpoint holds no descriptor that somebody would
// have to give back, and opening costs 10 microseconds. What it costs in safety is paid by comparing the identity.

/** Read at a time; Node refuses 2 GiB and more. */
const MAX_READ = 1 << 30;

/** Opens a file by its path or `file:` URL, which may be a string as well. */
export function openFile(place: string | URL): DiskFile {
  const path = typeof place === "string" && /^file:/i.test(place) ? parsed(place) : place;
  const name = path instanceof URL ? path.pathname : path;
  // Not opened yet: opening a named pipe would wait for its writer.
  const known = explained(name, () => statSync(path, { bigint: true }));
  if (!known.isFile())
    throw new FileAccessError(name, known.isDirectory() ? "is a folder, not a file" : "is not a file");
  const size = Number(known.size);
  return {
    size,
    readInto(target, offset) {
      withFile(name, path, (fd) => {
        if (!sameFile(known, fstatSync(fd, { bigint: true }))) {
          throw new FileAccessError(name, "was changed or replaced while it was being read; load it again");
        }
        for (let at = 0; at < target.length; ) {
          const count = readSync(fd, target, at, Math.min(target.length - at, MAX_READ), offset + at);
          if (count === 0) throw new FileAccessError(name, `ended at byte ${offset + at} of ${size} while it was read`);
          at += count;
        }
      });
    },
  };
}

function parsed(address: string): URL {
  try {
    return new URL(address);
  } catch (cause) {
    throw new FileAccessError(address, "is no valid file address", { cause });
  }
}

function withFile(name: string, path: string | URL, use: (fd: number) => void): void {
  explained(name, () => {
    const fd = openSync(path, "r");
    try {
      use(fd);
    } finally {
      closeSync(fd);
    }
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "permission to read it is missing",
  EISDIR: "is a folder, not a file",
};

function explained<T>(name: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (cause instanceof URIError) throw new FileAccessError(name, "is no valid file address", { cause });
    if (cause instanceof FileAccessError || code === undefined) throw cause;
    throw new FileAccessError(name, reasons[code] ?? `cannot be read (${code})`, { cause });
  }
}

function sameFile(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}
