import type { OpAttrs, View } from "../../backend.ts";
import { nchw } from "../../pictures.ts";
import { each, type LowerContext } from "../context.ts";
import { lengthOf } from "./shapes.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

function remap(
  x: View,
  y: View,
  context: LowerContext,
  moves: { up?: number; down?: number; top?: number; left?: number; channel?: number; value?: number },
): void {
  const [, fromC, h, w] = nchw(x.shape);
  const [, c, oh, ow] = nchw(y.shape);
  const { up = 1, down = 1, top = 0, left = 0, channel = 0, value = 0 } = moves;
  each(context, "remap", lengthOf(y), [x, y], { c, oh, ow, fromC, h, w, up, down, top, left, channel, value });
}

export function padShortcut(attrs: OpAttrs["padShortcut"], [x]: Inputs, [y]: Outputs, context: LowerContext): void {
  remap(x!, y!, context, { up: attrs.stride, channel: -attrs.before });
}

export function padShortcutGrad(
  attrs: OpAttrs["padShortcutGrad"],
  [dy]: Inputs,
  [dx]: Outputs,
  context: LowerContext,
): void {
  remap(dy!, dx!, context, { down: attrs.stride, channel: attrs.before });
}

export function pad2d(attrs: OpAttrs["pad2d"], [x]: Inputs, [y]: Outputs, context: LowerContext): void {
  remap(x!, y!, context, { top: -attrs.top, left: -attrs.left, value: attrs.value });
}

export function crop2d(attrs: OpAttrs["crop2d"], [dy]: Inputs, [dx]: Outputs, context: LowerContext): void {
  remap(dy!, dx!, context, { top: attrs.top, left: attrs.left });
}

export function flatten(_attrs: object, [x]: Inputs, [y]: Outputs, context: LowerContext): void {
  const [, c, h, w] = nchw(x!.shape);
  each(context, "transpose", lengthOf(y!), [x!, y!], { rows: h * w, columns: c });
}

export function unflatten(_attrs: object, [dy]: Inputs, [dx]: Outputs, context: LowerContext): void {
  const [, c, h, w] = nchw(dx!.shape);
  each(context, "transpose", lengthOf(dx!), [dy!, dx!], { rows: c, columns: h * w });
}
