/** A float as Python prints it: `1e-05`, `0.1`, `1.0`. Module trees are compared with PyTorch's, character for character. */
export function pyFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    const [digits, exponent] = value.toExponential().split("e") as [string, string];
    return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

export function pyBool(value: boolean): string {
  return value ? "True" : "False";
}

/** A tuple: `(7, 7)`. */
export function pyTuple(values: readonly number[]): string {
  return `(${values.join(", ")}${values.length === 1 ? "," : ""})`;
}

/** A number as it is, a pair as a tuple. */
export function pyPair(value: number | readonly [number, number]): string {
  return typeof value === "number" ? String(value) : pyTuple(value);
}
