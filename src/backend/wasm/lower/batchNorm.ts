import { numel } from "../../../tensor/shape.ts";
import type { OpAttrs, View } from "../../backend.ts";
import { type LowerContext, optional } from "./context.ts";
import { chunkRows, emitReduce } from "./reduce.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

const channelsPerTile = 16;
/** Elements of a tile of a pass over memory: what a tile reads and writes stays in the first-level cache while it takes channels in eights. */
const passElements = 4096;

function rowsOf(view: View): { rows: number; c: number; chunks: number; passRows: number; passes: number } {
  const c = view.shape[1]!;
  const rows = numel(view.shape) / c;
  const passRows = Math.max(1, Math.floor(passElements / c));
  return { rows, c, chunks: Math.ceil(rows / chunkRows), passRows, passes: Math.ceil(rows / passRows) };
}

export function batchNormTrain(
  attrs: OpAttrs["batchNormTrain"],
  inputs: Inputs,
  outputs: Outputs,
  context: LowerContext,
): void {
  const [x, weight, bias, runningMean, runningVariance, residual] = inputs;
  const [y, mean, invstd] = outputs as [View, View, View];
  const { rows, c, chunks, passRows, passes } = rowsOf(x!);
  const partial = context.scratch(2 * chunks * c);
  const scale = context.scratch(2 * c);
  const source = context.address(x!);
  context.emit("normStats", chunks, { x: source, partial, rows, c, rowsPerTile: chunkRows });
  context.emit("normCombine", Math.ceil(c / channelsPerTile), {
    partial,
    weight: optional(context, weight),
    bias: optional(context, bias),
    runningMean: optional(context, runningMean),
    runningVariance: optional(context, runningVariance),
    mean: context.address(mean),
    invstd: context.address(invstd),
    scale,
    rows,
    c,
    rowsPerTile: chunkRows,
    eps: attrs.eps,
    momentum: attrs.momentum,
  });
  const relu = attrs.relu ? 1 : 0;
  context.emit("normApply", passes, {
    x: source,
    scale,
    residual: optional(context, residual),
    y: context.address(y),
    rows,
    c,
    relu,
    rowsPerTile: passRows,
  });
}

export function batchNormGrad(
  attrs: OpAttrs["batchNormGrad"],
  inputs: Inputs,
  outputs: Outputs,
  context: LowerContext,
): void {
  const [x, dy, mean, invstd, weight, bias, y] = inputs;
  const [dx, dweight, dbias, dz] = outputs as [View, View, View, View | undefined];
  const { rows, c, chunks, passRows, passes } = rowsOf(x!);
  const partial = context.scratch(2 * chunks * c);
  const scale = context.scratch(3 * c);
  const factors = context.scratch(3 * c);
  const frozen = attrs.frozen ? 1 : 0;
  const relu = attrs.relu ? 1 : 0;
  const shared = { x: context.address(x!), dy: context.address(dy!), scale, rows, c, relu };
  const means = context.address(mean!);
  const w = optional(context, weight);
  const statistics = { mean: means, invstd: context.address(invstd!), weight: w, bias: optional(context, bias) };
  context.emit("normCoefficients", 1, { ...statistics, scale, c, frozen, eps: attrs.eps });
  const inverse = scale + 2 * c * 4;
  const masked = { y: optional(context, y), dz: optional(context, dz) };
  const sums = { ...shared, ...masked, partial, mean: means, invstd: inverse, rowsPerTile: chunkRows };
  context.emit("normGradSums", chunks, sums);
  context.emit("normGradCombine", Math.ceil(c / channelsPerTile), {
    partial,
    weight: w,
    mean: means,
    invstd: inverse,
    dweight: context.address(dweight),
    dbias: context.address(dbias),
    factors,
    rows,
    c,
    rowsPerTile: chunkRows,
    frozen,
  });
  const behind = y && dz ? { dy: context.address(dz), relu: 0 } : {};
  const pass = { ...shared, ...behind, dx: context.address(dx), factors, rowsPerTile: passRows };
  context.emit("normGradApply", passes, pass);
}

export function channelSum(_attrs: object, [dy]: Inputs, [db]: Outputs, context: LowerContext): void {
  const { rows, c, chunks } = rowsOf(dy!);
  emitSums(context, { x: context.address(dy!), y: context.address(db!), rows, c, chunks, squares: 0 });
}

/** Σ x² seen as rows of 4 columns, which are added in the end. */
export function sumSquares(_attrs: object, [x]: Inputs, [s]: Outputs, context: LowerContext): void {
  const rows = numel(x!.shape);
  const chunk = 4096;
  const chunks = Math.ceil(rows / chunk);
  const partial = context.scratch(chunks);
  context.emit("channelSums", chunks, { x: context.address(x!), partial, rows, c: 1, rowsPerTile: chunk, squares: 1 });
  emitReduce(context, { x: partial, y: context.address(s!), count: chunks, length: 1 });
}

interface Sums {
  readonly x: number;
  readonly y: number;
  readonly rows: number;
  readonly c: number;
  readonly chunks: number;
  readonly squares: number;
}

function emitSums(context: LowerContext, { x, y, rows, c, chunks, squares }: Sums): void {
  const partial = context.scratch(chunks * c);
  context.emit("channelSums", chunks, { x, partial, rows, c, rowsPerTile: chunkRows, squares });
  emitReduce(context, { x: partial, y, count: chunks, length: c });
}
