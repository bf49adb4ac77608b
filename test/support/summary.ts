import * as assert from "uvu/assert";

/** A large reference tensor in a few numbers, as the scripts in scripts/reference write it. */
export interface Summary {
  length: number;
  first: number[];
  last: number[];
  sum: number;
  squares: number;
}

/**
 * Compares values with a summary: the first and last to `tolerance`, the sums to what that allows (errors of single
 * values are independent, so that a sum of n of them grows like sqrt n).
 */
export function closeToSummary(values: Float32Array, want: Summary, tolerance: number, what: string): void {
  const n = want.length;
  assert.is(values.length, n, `${what}: length`);
  want.first.forEach((v, i) => {
    assert.ok(Math.abs(values[i]! - v) <= tolerance, `${what}[${i}] = ${values[i]}, not ${v}`);
  });
  want.last.forEach((v, i) => {
    const at = n - want.last.length + i;
    assert.ok(Math.abs(values[at]! - v) <= tolerance, `${what}[${at}] = ${values[at]}, not ${v}`);
  });
  const sum = exactSum(values, (v) => v);
  const squares = exactSum(values, (v) => v * v);
  const rms = Math.sqrt(want.squares / n);
  const bound = tolerance * Math.sqrt(n) + 1e-15 * Math.max(1, rms * n);
  assert.ok(Math.abs(sum - want.sum) <= bound, `${what}: sum ${sum}, not ${want.sum}`);
  assert.ok(Math.abs(squares - want.squares) <= 2 * rms * bound, `${what}: squares ${squares}, not ${want.squares}`);
}

/** Neumaier's compensated sum: the script's sums are correctly rounded, so ours must not lose digits. */
function exactSum(values: Float32Array, of: (v: number) => number): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const v = of(value);
    const t = sum + v;
    lost += Math.abs(sum) >= Math.abs(v) ? sum - t + v : v - t + sum;
    sum = t;
  }
  return sum + lost;
}
