import type { OpAttrs, Window } from "../../src/backend/backend.ts";
import { numel, type Shape } from "../../src/tensor/shape.ts";
import type { CaseOp } from "../cases/case.ts";
import type { Values } from "./values.ts";

/**
 * One output value by the definition of its op, in 64 bits, by the simplest loops over N,C,H,W that will do. Shares no code
 * with any backend.
 */
export interface Point {
  readonly value: number;
  /**
   * The size that partial sums have on the way: the result's own, and the root of the sum of the squares of what is added up
   * (how far a sum of numbers with random signs wanders). Rounding errors are parts of it.
   */
  readonly magnitude: number;
  /** How many roundings a sum in the simplest order has; 0 where the result is exact. */
  readonly terms: number;
}

type Inputs = readonly (Values | null)[];
/** Prepares an op; the function that comes back computes output number `index` (row-major). */
type Reference<K extends CaseOp> = (attrs: OpAttrs[K], inputs: Inputs, output: Shape) => (index: number) => Point;

const magnitude = (sum: number, squares: number): number => Math.abs(sum) + Math.sqrt(squares);
const exact = (value: number): Point => ({ value, magnitude: Math.abs(value), terms: 0 });
const positive = (v: number, relu: boolean | undefined): number => (relu && v <= 0 ? 0 : v);
const size4 = (shape: Shape) => shape as unknown as readonly [number, number, number, number];

function split4(index: number, shape: Shape): [n: number, c: number, h: number, w: number] {
  const [, c, h, w] = size4(shape);
  return [Math.floor(index / (c * h * w)), Math.floor(index / (h * w)) % c, Math.floor(index / w) % h, index % w];
}

/** A pixel, or `outside` where there is none. */
function pixel(x: Values, n: number, c: number, i: number, j: number, outside: number): number {
  const [, cs, h, w] = size4(x.shape);
  return i < 0 || i >= h || j < 0 || j >= w ? outside : x.data[((n * cs + c) * h + i) * w + j]!;
}

/** The values under a window at one output position, with NaN-proof marks for what is outside. */
function under(x: Values, a: Window, n: number, c: number, i: number, j: number): { inside: number[]; cells: number } {
  const inside: number[] = [];
  const [, , h, w] = size4(x.shape);
  for (let p = 0; p < a.kernelH; p++) {
    for (let q = 0; q < a.kernelW; q++) {
      const r = i * a.strideH - a.padH + p * a.dilationH;
      const s = j * a.strideW - a.padW + q * a.dilationW;
      if (r >= 0 && r < h && s >= 0 && s < w) inside.push(pixel(x, n, c, r, s, 0));
    }
  }
  return { inside, cells: a.kernelH * a.kernelW };
}

function area(x: Values, output: Shape, n: number, c: number, i: number, j: number): number[] {
  const [, , h, w] = size4(x.shape);
  const [, , oh, ow] = size4(output);
  const found: number[] = [];
  for (let r = Math.floor((i * h) / oh); r < Math.ceil(((i + 1) * h) / oh); r++) {
    for (let s = Math.floor((j * w) / ow); s < Math.ceil(((j + 1) * w) / ow); s++) found.push(pixel(x, n, c, r, s, 0));
  }
  return found;
}

function largest(values: readonly number[]): Point {
  let max = Number.NEGATIVE_INFINITY;
  for (const v of values) if (v > max || Number.isNaN(v)) max = v;
  return exact(max);
}

function mean(values: readonly number[], count: number): Point {
  let sum = 0;
  let squares = 0;
  for (const v of values) {
    sum += v;
    squares += v * v;
  }
  return { value: sum / count, magnitude: magnitude(sum, squares) / count, terms: values.length + 1 };
}

export const references: { readonly [K in CaseOp]: Reference<K> } = {
  conv2d(a, [x, weight, bias, residual], output) {
    const [, c, h, w] = size4(x!.shape);
    const [oc, icg] = size4(weight!.shape);
    const ocg = oc / a.groups;
    return (index) => {
      const [n, o, i, j] = split4(index, output);
      const first = Math.floor(o / ocg) * icg;
      let sum = bias ? bias.data[o]! : 0;
      let squares = sum * sum;
      for (let ic = 0; ic < icg; ic++) {
        for (let p = 0; p < a.kernelH; p++) {
          const r = i * a.strideH - a.padH + p * a.dilationH;
          if (r < 0 || r >= h) continue;
          for (let q = 0; q < a.kernelW; q++) {
            const s = j * a.strideW - a.padW + q * a.dilationW;
            if (s < 0 || s >= w) continue;
            const xv = x!.data[((n * c + first + ic) * h + r) * w + s]!;
            const term = xv * weight!.data[((o * icg + ic) * a.kernelH + p) * a.kernelW + q]!;
            sum += term;
            squares += term * term;
          }
        }
      }
      if (residual) {
        sum += residual.data[index]!;
        squares += residual.data[index]! ** 2;
      }
      return {
        value: positive(sum, a.relu),
        magnitude: magnitude(sum, squares),
        terms: icg * a.kernelH * a.kernelW + 2,
      };
    };
  },

  linear(a, [x, weight, bias, residual], output) {
    const k = x!.shape[1]!;
    const m = output[1]!;
    return (index) => {
      const n = Math.floor(index / m);
      const o = index % m;
      let sum = 0;
      let squares = 0;
      const give = (term: number) => {
        sum += term;
        squares += term * term;
      };
      if (bias) give(bias.data[o]!);
      for (let i = 0; i < k; i++) give(x!.data[n * k + i]! * weight!.data[o * k + i]!);
      if (residual) give(residual.data[index]!);
      return { value: positive(sum, a.relu), magnitude: magnitude(sum, squares), terms: k + 2 };
    };
  },

  maxPool2d:
    (a, [x], output) =>
    (index) =>
      largest(under(x!, a, ...split4(index, output)).inside),

  avgPool2d:
    (a, [x], output) =>
    (index) => {
      const { inside, cells } = under(x!, a, ...split4(index, output));
      return mean(inside, a.countIncludePad ? cells : inside.length);
    },

  adaptiveAvgPool2d:
    (_a, [x], output) =>
    (index) => {
      const values = area(x!, output, ...split4(index, output));
      return mean(values, values.length);
    },

  adaptiveMaxPool2d:
    (_a, [x], output) =>
    (index) =>
      largest(area(x!, output, ...split4(index, output))),

  batchNorm(a, [x, weight, bias, mu, variance], output) {
    const inner = numel(output.slice(2));
    return (index) => {
      const c = Math.floor(index / inner) % output[1]!;
      const scale = (weight ? weight.data[c]! : 1) / Math.sqrt(variance!.data[c]! + a.eps);
      const shift = bias ? bias.data[c]! : 0;
      const value = (x!.data[index]! - mu!.data[c]!) * scale + shift;
      const size = (Math.abs(x!.data[index]!) + Math.abs(mu!.data[c]!)) * Math.abs(scale) + Math.abs(shift);
      return { value: positive(value, a.relu), magnitude: size, terms: 6 };
    };
  },

  relu:
    (_a, [x]) =>
    (index) =>
      exact(positive(x!.data[index]!, true)),

  add:
    (a, [x, z]) =>
    (index) => {
      const u = x!.data[index]!;
      const v = z!.data[index]!;
      return { value: positive(u + v, a.relu), magnitude: Math.abs(u) + Math.abs(v), terms: 1 };
    },

  mulScalar:
    (a, [x]) =>
    (index) => {
      const value = x!.data[index]! * a.factor;
      return { value, magnitude: Math.abs(value), terms: 2 }; // the factor itself is rounded to 32 bits
    },

  padShortcut:
    (a, [x], output) =>
    (index) => {
      const [n, c, i, j] = split4(index, output);
      const from = c - a.before;
      const inside = from >= 0 && from < x!.shape[1]!;
      return exact(inside ? pixel(x!, n, from, i * a.stride, j * a.stride, 0) : 0);
    },

  softmax(a, [x], output) {
    const k = output[1]!;
    const rows = new Map<number, { max: number; sum: number }>();
    const row = (n: number) => {
      let found = rows.get(n);
      if (found === undefined) {
        let max = Number.NEGATIVE_INFINITY;
        for (let i = 0; i < k; i++) max = Math.max(max, x!.data[n * k + i]!);
        let sum = 0;
        for (let i = 0; i < k; i++) sum += Math.exp(x!.data[n * k + i]! - max);
        found = { max, sum };
        rows.set(n, found);
      }
      return found;
    };
    return (index) => {
      const { max, sum } = row(Math.floor(index / k));
      const v = x!.data[index]!;
      const size = Math.abs(v) + Math.abs(max) + Math.log(sum);
      if (a.log) return { value: v - max - Math.log(sum), magnitude: size, terms: k + 4 };
      // An error in the exponent v − max is a relative error of the result.
      const value = Math.exp(v - max) / sum;
      return { value, magnitude: value * (1 + Math.abs(v) + Math.abs(max)), terms: k + 4 };
    };
  },

  pad2d:
    (a, [x], output) =>
    (index) => {
      const [n, c, i, j] = split4(index, output);
      return exact(pixel(x!, n, c, i - a.top, j - a.left, Math.fround(a.value)));
    },

  flatten:
    (_a, [x]) =>
    (index) =>
      exact(x!.data[index]!),
};

/** All values of an output, in 64 bits: what central differences are taken of. */
export function evaluate<K extends CaseOp>(op: K, attrs: OpAttrs[K], inputs: Inputs, output: Shape): Float64Array {
  const at = references[op](attrs, inputs, output);
  return Float64Array.from({ length: numel(output) }, (_, index) => at(index).value);
}
