import { closeSync, openSync, realpathSync, renameSync, rmSync, writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FileAccessError } from "../errors.ts";
import { destination, whyNotWritten } from "../platform/nodeWrite.ts";

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Writes a file piece by piece beside its place, which it takes at the end: whoever looks finds the whole file or none, also when
 * the command is interrupted. Between pieces signals are heard. Links are followed, and what is no file is written to as it is.
 * @throws FileAccessError
 */
export async function writeWhole(to: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const { place, isFile } = destinationOf(to);
  const partial = isFile ? `${place}.${process.pid}.part` : place;
  const discard = (): void => {
    if (isFile) rmSync(partial, { force: true });
  };
  const interrupted = (signal: keyof typeof exitCodes): never => {
    discard();
    process.exit(exitCodes[signal]);
  };
  for (const signal of Object.keys(exitCodes)) process.once(signal, interrupted);
  try {
    const file = openSync(partial, "w");
    try {
      for (const piece of pieces) {
        for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at, Math.min(piece.length - at, 1 << 26));
        await setImmediate();
      }
    } finally {
      closeSync(file);
    }
    if (isFile) renameSync(partial, place);
  } catch (error) {
    discard();
    throw explain(to, error);
  } finally {
    for (const signal of Object.keys(exitCodes)) process.removeListener(signal, interrupted);
  }
}

/** The system's word on a file, said for people; other errors as they are. */
function explain(to: string, cause: unknown): unknown {
  if (!(cause instanceof Error && "syscall" in cause)) return cause;
  return new FileAccessError(to, `cannot be written (${whyNotWritten(cause)})`, { cause });
}

/** `destination`. @throws FileAccessError */
export function destinationOf(to: string): ReturnType<typeof destination> {
  try {
    return destination(to);
  } catch (error) {
    throw explain(to, error);
  }
}

/** Whether what is read, by its path or `file:` address, is the file that is to be written. */
export function isSameFile(from: string, to: string): boolean {
  const real = (path: string): string | undefined => {
    try {
      return realpathSync(/^file:/i.test(path) ? fileURLToPath(path) : path);
    } catch {
      return undefined;
    }
  };
  const place = real(to);
  return place !== undefined && real(from) === place;
}
