import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileAccessError } from "../errors.ts";

/**
 * Makes the folder for results and tries whether it can be written to: who finds out after training has lost it.
 * @throws FileAccessError
 */
export function makeOutFolder(folder: string): void {
  const probe = join(folder, `.${process.pid}.part`);
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(probe, "");
    rmSync(probe);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new FileAccessError(folder, `results cannot be written there (${code}); give another --out`, { cause });
  }
}
