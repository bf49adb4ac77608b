import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { FileAccessError } from "../errors.ts";
import { makeFolders, whyNotWritten } from "../platform/nodeWrite.ts";

/**
 * Tries whether a folder for results can be made and written to, and leaves nothing: who finds out after training has lost it.
 * @throws FileAccessError
 */
export function tryOutFolder(folder: string): void {
  const probe = join(folder, `.${process.pid}.part`);
  try {
    const made = makeFolders(resolve(folder));
    writeFileSync(probe, "");
    rmSync(probe);
    if (made !== undefined) rmSync(made, { recursive: true });
  } catch (cause) {
    const isNoPlace = (cause as NodeJS.ErrnoException).code === "ENOENT"; // as /proc, which is there
    const why = isNoPlace ? "no folder can be made there" : whyNotWritten(cause);
    throw new FileAccessError(folder, `results cannot be written there (${why}); give another --out`, { cause });
  }
}
