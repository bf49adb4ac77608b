import { ArgumentError } from "../errors.ts";
import { need } from "../options.ts";
import { exp } from "../tensor/math.ts";
import type { Labels } from "./labels/labels.ts";

/** One class that a picture may show. */
export interface Prediction {
  readonly index: number;
  readonly label: string;
  readonly wnid?: string;
  /** 0 to 1; those of all classes add up to 1. */
  readonly probability: number;
}

type Numbers = ArrayLike<number>;

/** Probabilities from logits, in f64 and with our own `exp`, so that every engine gives the same bits. Sums in the order of the classes. */
export function softmax(logits: Numbers): Float64Array {
  let max = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    const v = logits[i]!;
    if (Number.isNaN(v))
      throw new ArgumentError(`softmax: logit ${i} is NaN; are there NaNs in the weights or the input?`);
    if (v > max) max = v;
  }
  if (!Number.isFinite(max)) throw new ArgumentError(`softmax: the largest of ${logits.length} logits is ${max}`);
  const out = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = exp(logits[i]! - max);
    sum += out[i]!;
  }
  for (let i = 0; i < out.length; i++) out[i] = out[i]! / sum;
  return out;
}

/** Indices of the `k` largest values, largest first; of equal values the one that comes first. */
export function topIndices(values: Numbers, k: number): number[] {
  if (!Number.isInteger(k) || k < 1) throw new ArgumentError(`topK must be a whole number from 1 up, not ${k}`);
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (best.length === k && !(v > values[best[k - 1]!]!)) continue;
    let at = best.length;
    while (at > 0 && v > values[best[at - 1]!]!) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}

/**
 * The `k` likeliest classes of one picture's logits, likeliest first.
 * A class without a label is called `class 17`.
 * @throws ArgumentError when there are labels, but not one for each logit
 */
export function topK(logits: Numbers, k = 5, labels?: Labels): Prediction[] {
  need(logits?.length >= 0, "topK", "numbers, such as `await logits.data()`", logits);
  if (labels && labels.length !== logits.length) {
    throw new ArgumentError(`topK: ${labels.length} labels for ${logits.length} classes: there must be one for each`);
  }
  const probabilities = softmax(logits);
  // Ranked by logits: probabilities of different logits may round to the same number.
  return topIndices(logits, k).map((index) => {
    const { name, wnid } = labels?.[index] ?? { name: `class ${index}` };
    return { index, label: name, ...(wnid === undefined ? {} : { wnid }), probability: probabilities[index]! };
  });
}

/** Cosine similarity of two feature vectors, -1 to 1. A vector of zeros is like nothing: 0. */
export function similarity(a: Numbers, b: Numbers): number {
  for (const feature of [a, b]) need(feature?.length >= 0, "similarity", "two features", feature);
  if (a.length !== b.length) {
    throw new ArgumentError(
      `similarity: the features have ${a.length} and ${b.length} values; are they of one network?`,
    );
  }
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  if (aa === 0 || bb === 0) return 0;
  return Math.max(-1, Math.min(1, dot / Math.sqrt(aa * bb)));
}
