import type { Point } from "./reference.ts";

/** Half the distance from 1 to the next 32-bit float: the error of one rounding. */
const eps = 2 ** -24;

/**
 * The only tolerance: `4 · eps · sqrt(terms) · magnitude`, from the largest number of terms and the largest magnitude of the
 * points compared. Rounding errors of a sum add up like a random walk, hence the root; algorithms that mix neighbours
 * (Winograd) spread an error over a tile, hence the largest magnitude instead of each point's own. An op without roundings
 * must be exact: its tolerance is 0.
 */
export function tolerance(points: readonly Point[]): number {
  let magnitude = 0;
  let terms = 0;
  for (const p of points) {
    if (Number.isFinite(p.magnitude)) magnitude = Math.max(magnitude, p.magnitude);
    terms = Math.max(terms, p.terms);
  }
  return 4 * eps * Math.sqrt(terms) * magnitude;
}

export interface Comparison {
  /** Largest error divided by the tolerance; at most 1 is right. 0 for exact results. */
  readonly worst: number;
  /** What is wrong, for people; undefined when nothing is. */
  readonly complaint: string | undefined;
}

/** Compares values with points: found[i] belongs to points[i], and is output number index[i]. */
export function compare(
  found: ArrayLike<number>,
  points: readonly Point[],
  index: ArrayLike<number>,
  allowed = tolerance(points),
): Comparison {
  let worst = 0;
  let complaint: string | undefined;
  let wrong = 0;
  for (let i = 0; i < points.length; i++) {
    const { value } = points[i]!;
    const got = found[i]!;
    const expected = Math.fround(value);
    if (Object.is(got, expected) || got === expected) continue; // also NaN and infinities
    const error = Math.abs(got - value);
    const ratio = allowed > 0 && Number.isFinite(error) ? error / allowed : Number.POSITIVE_INFINITY;
    worst = Math.max(worst, ratio);
    if (ratio <= 1) continue;
    wrong++;
    complaint ??= `output ${index[i]} is ${got}, expected ${value} (error ${error}, allowed ${allowed})`;
  }
  if (complaint !== undefined && wrong > 1) complaint += `; ${wrong} of ${points.length} compared values are wrong`;
  return { worst, complaint };
}
