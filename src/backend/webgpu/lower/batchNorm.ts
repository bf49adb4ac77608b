import type { OpAttrs, View } from "../../backend.ts";
import { each, type LowerContext, type Slot } from "../context.ts";
import { addSlots, reluGrad } from "./pointwise.ts";
import { flag, lengthOf } from "./shapes.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

export function batchNorm(attrs: OpAttrs["batchNorm"], inputs: Inputs, [y]: Outputs, context: LowerContext): void {
  const [x, weight = null, bias = null, mean, variance] = inputs;
  const params = { c: x!.shape[1]!, eps: attrs.eps, weight: flag(weight), bias: flag(bias), relu: flag(attrs.relu) };
  each(context, "batchNorm", lengthOf(y!), [x!, weight, bias, mean!, variance!, y!], params);
}

/** Rows that one invocation adds up. */
const rowsPerSlice = 128;
const mostSlices = 128;

interface Sums {
  readonly kind: 0 | 1 | 2;
  readonly x: View;
  readonly mean?: Slot;
  readonly dy?: View;
  readonly invstd?: View;
  readonly weight?: View | null;
  readonly bias?: View | null;
  readonly attrs?: OpAttrs["batchNormGrad"];
  /** Of the sums in the result: 1 / rows for a mean. */
  readonly factor: number;
}

/** Sums per channel of a tensor's rows, in two steps with a fixed order. */
function channelSums(context: LowerContext, to: Slot, q: Sums): void {
  const c = q.x.shape[1]!;
  const rows = lengthOf(q.x) / c;
  const slices = Math.max(1, Math.min(mostSlices, Math.ceil(rows / rowsPerSlice)));
  const width = c * (q.kind === 2 ? 2 : 1);
  const partial = context.scratch(slices * width);
  const { mean = null, dy = null, invstd = null, weight = null, bias = null, attrs } = q;
  context.dispatch({
    kernel: "channelSums",
    constants: { kind: q.kind },
    slots: [q.x, mean, partial, dy, invstd, weight, bias],
    params: {
      rows,
      perSlice: Math.ceil(rows / slices),
      slices,
      c,
      weight: flag(weight),
      bias: flag(bias),
      relu: flag(attrs?.relu),
      frozen: flag(attrs?.frozen),
      eps: attrs?.eps ?? 0,
    },
    invocations: [c, slices, 1],
  });
  each(context, "sumSlices", width, [partial, to], { slices, factor: q.factor });
}

export function channelSum(_attrs: object, [dy]: Inputs, [db]: Outputs, context: LowerContext): void {
  channelSums(context, db!, { kind: 0, x: dy!, factor: 1 });
}

export function batchNormTrain(
  attrs: OpAttrs["batchNormTrain"],
  inputs: Inputs,
  outputs: Outputs,
  context: LowerContext,
): void {
  const [x, weight = null, bias = null, runningMean = null, runningVariance = null, residual = null] = inputs;
  const [y, mean, invstd] = outputs as readonly [View, View, View];
  const c = x!.shape[1]!;
  const rows = lengthOf(x!) / c;
  channelSums(context, mean, { kind: 0, x: x!, factor: 1 / rows });
  channelSums(context, invstd, { kind: 1, x: x!, mean, factor: 1 / rows });
  context.dispatch({
    kernel: "statistics",
    constants: {},
    slots: [mean, invstd, runningMean, runningVariance],
    params: {
      c,
      rows,
      eps: attrs.eps,
      momentum: attrs.momentum,
      runningMean: flag(runningMean),
      runningVariance: flag(runningVariance),
    },
    invocations: [c, 1, 1],
  });
  const params = { c, eps: attrs.eps, weight: flag(weight), bias: flag(bias), relu: flag(attrs.relu && !residual) };
  const normed = residual ? context.scratch(lengthOf(y)) : y;
  each(context, "batchNorm", lengthOf(y), [x!, weight, bias, mean, invstd, normed], params, { inverse: 1 });
  if (residual) addSlots(context, y, normed, residual, attrs.relu);
}

export function batchNormGrad(
  given: OpAttrs["batchNormGrad"],
  inputs: Inputs,
  outputs: Outputs,
  context: LowerContext,
): void {
  const [x, above, mean, invstd, weight = null, bias = null, y = null] = inputs as [
    View,
    View,
    View,
    View,
    ...(View | null)[],
  ];
  const [dx, dweight, dbias, dz] = outputs as readonly [View, View, View, View | undefined];
  // Behind a sum: first what the ReLU lets through, which the other summand wants as well.
  if (y && dz) reluGrad({}, [y, above], [dz], context);
  const dy = y && dz ? dz : above;
  const attrs = y && dz ? { ...given, relu: false } : given;
  const c = x.shape[1]!;
  const sums = context.scratch(2 * c);
  channelSums(context, sums, { kind: 2, x, dy, mean, invstd, weight, bias, attrs, factor: 1 });
  context.dispatch({
    kernel: "splitSums",
    constants: {},
    slots: [sums, dbias, dweight],
    params: { c },
    invocations: [c, 1, 1],
  });
  each(context, "batchNormGrad", lengthOf(dx), [x, dy, mean, invstd, weight, bias, sums, dx], {
    c,
    rows: lengthOf(x) / c,
    weight: flag(weight),
    bias: flag(bias),
    relu: flag(attrs.relu),
    frozen: flag(attrs.frozen),
    eps: attrs.eps,
  });
}
