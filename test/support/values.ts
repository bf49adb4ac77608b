import { numel, type Shape } from "../../src/tensor/shape.ts";
import type { Case, Filling } from "../cases/case.ts";

/** Values in row-major order (N,C,H,W) with their shape, in 64 bits. */
export interface Values {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** Uniform numbers in [0, 1) from a text: the same in every runtime. (mulberry32 from an FNV-1a hash.) */
export function seeded(seed: string): () => number {
  let state = 0x811c9dc5;
  for (let i = 0; i < seed.length; i++) state = Math.imul(state ^ seed.charCodeAt(i), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Sum of four uniforms, scaled to variance 1: near enough to normal, and no transcendental function. */
const normal = (next: () => number): number => (next() + next() + next() + next() - 2) * Math.sqrt(3);

const specials = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];

const fillings: { readonly [F in Filling]: (next: () => number, fanIn: number) => number } = {
  normal,
  positive: (next) => 0.25 + 2 * next(),
  small: (next, fanIn) => normal(next) / Math.sqrt(fanIn),
  large: (next) => 2000 * next() - 1000,
  ties: (next) => Math.floor(3 * next()) - 1,
  special: (next) => (next() < 0.15 ? specials[Math.floor(4 * next())]! : normal(next)),
};

/** Values that 32 bits hold exactly, so that the reference and the backend start from the same numbers. */
export function fill(shape: Shape, how: Filling, next: () => number): Values {
  const data = new Float64Array(numel(shape));
  const make = fillings[how];
  const fanIn = numel(shape.slice(1));
  for (let i = 0; i < data.length; i++) data[i] = Math.fround(make(next, fanIn));
  return { shape, data };
}

/** The inputs of a row; null where it leaves an optional one out. */
export function inputsOf(row: Pick<Case, "name" | "shapes" | "fill">): (Values | null)[] {
  const next = seeded(row.name);
  return row.shapes.map((shape, i) => (shape === null ? null : fill(shape, row.fill?.[i] ?? "normal", next)));
}
