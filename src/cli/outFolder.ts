import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileAccessError } from "../errors.ts";
import { whyNotWritten } from "../platform/nodeWrite.ts";

/**
 * Tries whether a folder for results can be made and written to, and leaves nothing: who finds out after training has lost it.
 * @throws FileAccessError
 */
export function tryOutFolder(folder: string): void {
  const probe = join(folder, `.${process.pid}.part`);
  try {
    const made = mkdirSync(folder, { recursive: true });
    writeFileSync(probe, "");
    rmSync(probe);
    if (made !== undefined) rmSync(made, { recursive: true });
  } catch (cause) {
    const why = whyNotWritten(cause);
    throw new FileAccessError(folder, `results cannot be written there (${why}); give another --out`, { cause });
  }
}
