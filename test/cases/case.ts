import type { OpAttrs } from "../../src/backend/backend.ts";
import type { Shape } from "../../src/tensor/shape.ts";

/**
 * What an input is filled with. `normal`: about N(0, 1). `positive`: from 0.25 to 2.25 (variances). `small`: N(0, 1) over
 * the square root of the fan-in (weights as they are in networks). `large`: up to ±1000 (logits that overflow a careless
 * softmax). `ties`: small whole numbers, so that many are equal. `special`: normal with NaN, ±Infinity and −0 among them.
 */
export type Filling = "normal" | "positive" | "small" | "large" | "ties" | "special";

/** The ops of inference. Each has a table; their gradients are driven from the same rows. */
export type CaseOp =
  | "conv2d"
  | "linear"
  | "maxPool2d"
  | "avgPool2d"
  | "adaptiveAvgPool2d"
  | "adaptiveMaxPool2d"
  | "batchNorm"
  | "relu"
  | "add"
  | "padShortcut"
  | "softmax"
  | "pad2d"
  | "flatten"
  | "mulScalar";

/** One row of a table: drives the forward test, the gradient test and, with `perf`, the benchmark. */
export interface Case<K extends CaseOp = CaseOp> {
  /** Unique within its table; the seed of its values. */
  readonly name: string;
  readonly attrs: OpAttrs[K];
  /** Shapes of the inputs in the order of the table in src/backend/backend.ts; null where an optional input is left out. */
  readonly shapes: readonly (Shape | null)[];
  /** Only where attributes do not say it (adaptive pooling). */
  readonly output?: Shape;
  /** `normal` where it is not said. */
  readonly fill?: readonly (Filling | undefined)[];
  /** A layer at its real size: benchmarks time it, and tests check it at sampled outputs. */
  readonly perf?: true;
  /** Which networks have this layer, for people. */
  readonly where?: string;
}

export type CaseTable = { readonly [K in CaseOp]: readonly Case<K>[] };

/** Numbers or [rows, columns]. */
type Pair = number | readonly [number, number];

export interface WindowSpec {
  readonly k: Pair;
  readonly stride?: Pair;
  readonly pad?: Pair;
  readonly dilation?: Pair;
}

export function windowAttrs(spec: WindowSpec) {
  const two = (p: Pair): readonly [number, number] => (typeof p === "number" ? [p, p] : p);
  const [kernelH, kernelW] = two(spec.k);
  const [strideH, strideW] = two(spec.stride ?? 1);
  const [padH, padW] = two(spec.pad ?? 0);
  const [dilationH, dilationW] = two(spec.dilation ?? 1);
  return { kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW };
}

/** `3x3 s2 p1 d1x2`: a window in a row's name. */
export function windowName(spec: WindowSpec): string {
  const text = (p: Pair): string => (typeof p === "number" ? `${p}` : p.join("x"));
  const kernel = typeof spec.k === "number" ? `${spec.k}x${spec.k}` : spec.k.join("x");
  const parts = [kernel];
  if (spec.stride !== undefined) parts.push(`s${text(spec.stride)}`);
  if (spec.pad !== undefined) parts.push(`p${text(spec.pad)}`);
  if (spec.dilation !== undefined) parts.push(`d${text(spec.dilation)}`);
  return parts.join(" ");
}
