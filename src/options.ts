import { ArgumentError, UnknownNameError } from "./errors.ts";
import { kindOf } from "./platform/kinds.ts";

/**
 * Refuses what is no object, and an option that nobody reads, with the nearest that exists. `owner` is what takes the options, `known` their
 * names with spaces between; without them any name will do.
 */
export function checkOptions(owner: string, options: object, known = ""): void {
  const names = known.split(" ");
  if (kindOf(options) !== "Object") {
    const such = known && `, { ${names[0]}: … }`;
    throw new ArgumentError(`${owner}: options are an object${such}, got ${String(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (known && !names.includes(key)) throw new UnknownNameError(`option of ${owner}`, key, names);
  }
}

/** Throws where an argument is not `what` it has to be. */
export function need(good: unknown, owner: string, what: string, got: unknown): asserts good {
  if (!good) throw new ArgumentError(`${owner}: needs ${what}, got ${kindOf(got)}`);
}

type Values = Readonly<Record<string, number | readonly number[]>>;

function check(owner: string, values: Values, good: (v: number) => boolean, words: string): void {
  for (const [name, v] of Object.entries(values)) {
    if (![v].flat().every((n) => typeof n === "number" && good(n)))
      throw new ArgumentError(`${owner}: ${name} must be ${words}, got ${[v].flat().map(String)}`);
  }
}

/** Throws unless all values are whole numbers and large enough. */
export function checkWhole(owner: string, values: Values, least = 1): void {
  check(owner, values, (v) => Number.isInteger(v) && v >= least, `a whole number of at least ${least}`);
}

/** Throws unless all values are finite and at least 0. */
export function checkPositive(owner: string, values: Values): void {
  check(owner, values, (v) => v >= 0 && v < Number.POSITIVE_INFINITY, "a number of at least 0");
}

/** Throws unless all values are shares of a whole, and less than all of it. */
export function checkShares(owner: string, values: Values): void {
  check(owner, values, (v) => v >= 0 && v < 1, "at least 0 and below 1");
}
