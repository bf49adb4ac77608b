import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { FileAccessError } from "../errors.ts";

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Writes a file piece by piece beside its place, which it takes at the end: whoever looks finds the whole file or none, also when
 * the command is interrupted. Between pieces signals are heard.
 * @throws FileAccessError
 */
export async function writeWhole(to: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const partial = `${to}.${process.pid}.part`;
  const discard = (): void => rmSync(partial, { force: true });
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
    renameSync(partial, to);
  } catch (cause) {
    discard();
    if (!(cause instanceof Error && "syscall" in cause)) throw cause;
    throw new FileAccessError(to, cause.message, { cause });
  } finally {
    for (const signal of Object.keys(exitCodes)) process.removeListener(signal, interrupted);
  }
}
