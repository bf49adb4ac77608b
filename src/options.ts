import { UnknownNameError } from "./errors.ts";

/** Refuses an option that nobody reads, with the nearest that exists. `owner` is what takes the options. */
export function checkOptions(owner: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new UnknownNameError(`option of ${owner}`, key, known);
  }
}
