import { ArgumentError, UnknownNameError } from "./errors.ts";
import { kindOf } from "./platform/kinds.ts";

/** Refuses an option that nobody reads, with the nearest that exists, and what is no object. `owner` is what takes the options. */
export function checkOptions(owner: string, options: object, known: readonly string[]): void {
  if (kindOf(options) !== "Object") {
    throw new ArgumentError(`${owner}: options are an object, { ${known[0]}: … }, got ${options}`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new UnknownNameError(`option of ${owner}`, key, known);
  }
}
