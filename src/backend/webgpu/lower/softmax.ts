import type { OpAttrs, View } from "../../backend.ts";
import { each, type LowerContext } from "../context.ts";
import { flag } from "./shapes.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

const rowsOf = ({ shape }: View): { rows: number; k: number } => ({ rows: shape[0]!, k: shape[1]! });

export function softmax(attrs: OpAttrs["softmax"], [x]: Inputs, [y]: Outputs, context: LowerContext): void {
  const params = rowsOf(y!);
  if (params.rows * params.k === 0) return;
  const constants = { logarithm: flag(attrs.log) };
  context.dispatch({
    kernel: "softmax",
    constants,
    slots: [x!, y!],
    params,
    invocations: [params.rows, 1, 1],
  });
}

export function softmaxGrad(
  attrs: OpAttrs["softmaxGrad"],
  [y, dy]: Inputs,
  [dx]: Outputs,
  context: LowerContext,
): void {
  const params = rowsOf(dx!);
  if (params.rows * params.k === 0) return;
  const constants = { logarithm: flag(attrs.log) };
  context.dispatch({
    kernel: "softmaxGrad",
    constants,
    slots: [y!, dy!, dx!],
    params,
    invocations: [params.rows, 1, 1],
  });
}

export function crossEntropy(
  attrs: OpAttrs["crossEntropy"],
  [logits, target]: Inputs,
  outputs: Outputs,
  context: LowerContext,
): void {
  const [loss, dlogits] = outputs as readonly [View, View];
  const { rows, k } = rowsOf(logits!);
  const losses = context.scratch(rows);
  context.dispatch({
    kernel: "crossEntropy",
    constants: {},
    slots: [logits!, target!, losses, dlogits],
    params: { rows, k, smoothing: attrs.labelSmoothing, soft: flag(target!.shape.length === 2) },
    invocations: [rows, 1, 1],
  });
  each(context, "sumSlices", 1, [losses, loss], { slices: rows, factor: 1 / rows });
}
