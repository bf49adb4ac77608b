import type { OpAttrs, View } from "../../backend.ts";
import { each, type LowerContext, type Slot } from "../context.ts";
import { flag, lengthOf } from "./shapes.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

/** What the numbers of the kernel's `kind` mean. */
const kinds = { relu: 0, add: 1, mulScalar: 2, scaleBy: 3, mul: 4, reluGrad: 5, lerp: 6 } as const;

function pointwise(
  kind: keyof typeof kinds,
  [a, b = null]: Inputs,
  [y]: Outputs,
  context: LowerContext,
  params: { relu?: boolean | undefined; each?: number; factor?: number } = {},
): void {
  const values = { relu: flag(params.relu), each: params.each ?? 1, factor: params.factor ?? 0 };
  each(context, "pointwise", lengthOf(y!), [y!, a!, b], values, { kind: kinds[kind] });
}

export function relu(_attrs: object, inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pointwise("relu", inputs, outputs, context);
}

export function add(attrs: OpAttrs["add"], inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pointwise("add", inputs, outputs, context, { relu: attrs.relu });
}

/** y = a + b of anything that has memory, for ops that are made of several steps. */
export function addSlots(context: LowerContext, y: View, a: Slot, b: Slot, relu = false): void {
  each(context, "pointwise", lengthOf(y), [y, a, b], { relu: flag(relu), each: 1, factor: 0 }, { kind: kinds.add });
}

export function mulScalar(attrs: OpAttrs["mulScalar"], inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pointwise("mulScalar", inputs, outputs, context, { factor: attrs.factor });
}

export function scaleBy(_attrs: object, inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pointwise("scaleBy", inputs, outputs, context);
}

export function mul(_attrs: object, inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pointwise("mul", inputs, outputs, context, { each: lengthOf(outputs[0]!) / Math.max(1, lengthOf(inputs[1]!)) });
}

export function reluGrad(_attrs: object, inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pointwise("reluGrad", inputs, outputs, context);
}

export function lerp(attrs: OpAttrs["lerp"], inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pointwise("lerp", inputs, outputs, context, { factor: attrs.weight });
}

export function sgd(attrs: OpAttrs["sgd"], [grad]: Inputs, outputs: Outputs, context: LowerContext): void {
  const [parameter, velocity = null] = outputs;
  each(context, "sgd", lengthOf(parameter!), [grad!, parameter!, velocity], {
    lr: attrs.lr,
    momentum: attrs.momentum,
    keep: 1 - attrs.dampening,
    decay: attrs.weightDecay,
    nesterov: flag(attrs.nesterov),
    first: flag(attrs.first),
  });
}

export function adamW(attrs: OpAttrs["adamW"], [grad]: Inputs, outputs: Outputs, context: LowerContext): void {
  const [parameter, m, v] = outputs as readonly [View, View, View];
  const { lr, beta1, beta2, eps, weightDecay, correction1, correction2 } = attrs;
  each(context, "adamW", lengthOf(parameter), [grad!, parameter, m, v], {
    rate: lr / correction1,
    beta1,
    rest1: 1 - beta1,
    beta2,
    rest2: 1 - beta2,
    eps,
    keep: 1 - lr * weightDecay,
    correction2,
  });
}

const squaresPerSlice = 1024;
const mostSlices = 1024;

export function sumSquares(_attrs: object, [x]: Inputs, [s]: Outputs, context: LowerContext): void {
  const size = lengthOf(x!);
  const slices = Math.max(1, Math.min(mostSlices, Math.ceil(size / squaresPerSlice)));
  const partial = context.scratch(slices);
  context.dispatch({
    kernel: "squares",
    constants: {},
    slots: [x!, partial],
    params: { size, perSlice: Math.ceil(size / slices), slices },
    invocations: [slices, 1, 1],
  });
  each(context, "sumSlices", 1, [partial, s!], { slices, factor: 1 });
}
