import type { OpAttrs, View, Window } from "../../backend.ts";
import { nchw, onePixel } from "../../pictures.ts";
import { each, type LowerContext } from "../context.ts";
import { flag, lengthOf, windowParams } from "./shapes.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];
type Kind = { readonly adaptive: 0 | 1; readonly largest: 0 | 1 };

function params(x: View, y: View, window: Window, countAll: boolean) {
  const [, c, h, w] = nchw(x.shape);
  const [, , oh, ow] = nchw(y.shape);
  return { c, h, w, oh, ow, ...windowParams(window), countAll: flag(countAll) };
}

function pool(kind: Kind, window: Window, countAll: boolean, [x]: Inputs, [y]: Outputs, context: LowerContext): void {
  each(context, "pool", lengthOf(y!), [x!, y!], params(x!, y!, window, countAll), kind);
}

export function maxPool2d(attrs: OpAttrs["maxPool2d"], inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pool({ adaptive: 0, largest: 1 }, attrs, false, inputs, outputs, context);
}

export function avgPool2d(attrs: OpAttrs["avgPool2d"], inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pool({ adaptive: 0, largest: 0 }, attrs, attrs.countIncludePad, inputs, outputs, context);
}

export function adaptiveAvgPool2d(_attrs: object, inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pool({ adaptive: 1, largest: 0 }, onePixel, false, inputs, outputs, context);
}

export function adaptiveMaxPool2d(_attrs: object, inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  pool({ adaptive: 1, largest: 1 }, onePixel, false, inputs, outputs, context);
}

function poolGrad(
  kind: Kind,
  window: Window,
  countAll: boolean,
  x: View | null,
  dy: View,
  dx: View,
  context: LowerContext,
): void {
  each(context, "poolGrad", lengthOf(dx), [x, dy, dx], params(dx, dy, window, countAll), kind);
}

export function maxPool2dGrad(
  attrs: OpAttrs["maxPool2dGrad"],
  [x, dy]: Inputs,
  [dx]: Outputs,
  context: LowerContext,
): void {
  poolGrad({ adaptive: 0, largest: 1 }, attrs, false, x!, dy!, dx!, context);
}

export function adaptiveMaxPool2dGrad(_attrs: object, [x, dy]: Inputs, [dx]: Outputs, context: LowerContext): void {
  poolGrad({ adaptive: 1, largest: 1 }, onePixel, false, x!, dy!, dx!, context);
}

export function avgPool2dGrad(
  attrs: OpAttrs["avgPool2dGrad"],
  [dy]: Inputs,
  [dx]: Outputs,
  context: LowerContext,
): void {
  poolGrad({ adaptive: 0, largest: 0 }, attrs, attrs.countIncludePad, null, dy!, dx!, context);
}

export function adaptiveAvgPool2dGrad(_attrs: object, [dy]: Inputs, [dx]: Outputs, context: LowerContext): void {
  poolGrad({ adaptive: 1, largest: 0 }, onePixel, false, null, dy!, dx!, context);
}
