import type { OpAttrs, View } from "../../backend.ts";
import { nchw, onePixel } from "../../pictures.ts";
import { each, type LowerContext } from "../context.ts";
import { multiply, type Product, padded } from "./multiply.ts";
import { flag, up4, windowParams } from "./shapes.ts";
import { fits, winograd } from "./winograd.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

/** conv2d, linear and their input gradients: rows of pixels times packed weights. */
function product(context: LowerContext, q: Product): void {
  const [, c, h, w] = nchw(q.from.shape);
  const [n, oc, oh, ow] = nchw(q.to.shape);
  const rows = n * oh * ow;
  if (rows === 0 || oc === 0) return;
  if (fits(q) && context.winograd(q)) {
    winograd(context, q);
    return;
  }
  const { groups, window, transposed } = q;
  const channels = c / groups;
  const columns = oc / groups;
  const taps = window.kernelH * window.kernelW;
  const channelsPadded = up4(channels);
  const columnsPadded = up4(columns);
  const length = groups * taps * channelsPadded * columnsPadded;
  const constants = transposed ? { transposed: 1 } : {};
  const b = context.prepare(`panels ${groups} ${taps} ${channels} ${transposed}`, q.weight, length, (to) =>
    each(
      context,
      "pack",
      length,
      [q.weight, to],
      { taps, channels, channelsPadded, columns, columnsPadded },
      constants,
    ),
  );
  const a = padded(context, q.from, groups);
  multiply(context, [a, b, q.to, q.bias, q.residual], constants, {
    rows,
    columns,
    channels,
    groups,
    h,
    w,
    oh,
    ow,
    ...windowParams(window),
    bias: flag(q.bias),
    residual: flag(q.residual),
    relu: flag(q.relu),
  });
}

export function conv2d(attrs: OpAttrs["conv2d"], inputs: Inputs, [y]: Outputs, context: LowerContext): void {
  const [x, weight, bias = null, residual = null] = inputs;
  const { groups, relu = false } = attrs;
  product(context, {
    from: x!,
    weight: weight!,
    to: y!,
    window: attrs,
    groups,
    bias,
    residual,
    relu,
    transposed: false,
  });
}

export function linear(attrs: OpAttrs["linear"], inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  const relu = attrs.relu === undefined ? {} : { relu: attrs.relu };
  conv2d({ ...onePixel, groups: 1, ...relu }, inputs, outputs, context);
}

export function conv2dInputGrad(
  attrs: OpAttrs["conv2dInputGrad"],
  [dy, weight, known = null]: Inputs,
  [dx]: Outputs,
  context: LowerContext,
): void {
  product(context, {
    from: dy!,
    weight: weight!,
    to: dx!,
    window: attrs,
    groups: attrs.groups,
    bias: null,
    residual: known,
    relu: false,
    transposed: true,
  });
}

export function linearInputGrad(_attrs: object, inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  conv2dInputGrad({ ...onePixel, groups: 1 }, inputs, outputs, context);
}

/** Pixels whose products one invocation adds up: enough slices to fill a device, few enough that adding them is cheap. */
const pixelsPerSlice = 512;
const mostSlices = 64;
const mostPartialValues = 2 ** 24;
const mostLayers = 65535; // workgroups along z

export function conv2dWeightGrad(
  attrs: OpAttrs["conv2dWeightGrad"],
  [x, dy]: Inputs,
  [dw]: Outputs,
  context: LowerContext,
): void {
  const { groups } = attrs;
  const [, c, h, w] = nchw(x!.shape);
  const [n, oc, oh, ow] = nchw(dy!.shape);
  const rows = n * oh * ow;
  const taps = attrs.kernelH * attrs.kernelW;
  const total = oc * taps * (c / groups);
  const most = Math.min(mostSlices, Math.floor(mostPartialValues / total), Math.floor(mostLayers / (taps * groups)));
  const slices = Math.max(1, Math.min(most, Math.ceil(rows / pixelsPerSlice)));
  const perSlice = Math.max(1, Math.ceil(rows / slices));
  const channel4 = up4(c / groups) / 4;
  const output4 = up4(oc / groups) / 4;
  const partial = slices === 1 ? dw! : context.scratch(slices * total);
  context.dispatch({
    kernel: "weightGrad",
    constants: {},
    slots: [padded(context, x!, groups), padded(context, dy!, groups), partial],
    params: {
      rows,
      perSlice,
      slices,
      groups,
      outputs: oc / groups,
      output4,
      dyStride4: groups * output4,
      channels: c / groups,
      channel4,
      xStride4: groups * channel4,
      h,
      w,
      oh,
      ow,
      ...windowParams(attrs),
      total,
    },
    invocations: [Math.ceil(channel4 / 2), Math.ceil(output4 / 2), taps * slices * groups],
  });
  if (slices > 1) each(context, "sumSlices", total, [partial, dw!], { slices, factor: 1 });
}

export function linearWeightGrad(_attrs: object, inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  conv2dWeightGrad({ ...onePixel, groups: 1 }, inputs, outputs, context);
}
