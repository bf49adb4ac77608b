import type { OpAttrs, View, Window } from "../../backend.ts";
import { each, type LowerContext, type Slot } from "../context.ts";
import type { Constants } from "../pipelines.ts";
import { flag, nchw, onePixel, up4, windowParams } from "./shapes.ts";
import { fits, winograd } from "./winograd.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

export interface Product {
  /** Gathered rows: the input, or dy for an input gradient. */
  readonly from: View;
  readonly weight: View;
  readonly to: View;
  readonly window: Window;
  readonly groups: number;
  readonly bias: View | null;
  readonly residual: View | null;
  readonly relu: boolean;
  readonly transposed: boolean;
}

/** Pads the channels of each group with zeros to a multiple of 4, so that kernels read four at a time. */
export function padded(context: LowerContext, view: View, groups: number): Slot {
  const [n, c, h, w] = nchw(view.shape);
  const fromLength = c / groups;
  if (fromLength % 4 === 0) return view;
  const toLength = up4(fromLength);
  const size = n * h * w * groups * toLength;
  const slot = context.scratch(size);
  each(context, "pad", size, [view, slot], { fromLength, toLength });
  return slot;
}

/** Rows that one column of workgroups can hold (65,535 of 32 rows); more are folded into the third dimension. */
const mostRows = 65535 * 32;

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
  const b = context.prepare(`panels ${groups} ${taps} ${transposed}`, q.weight, length, (to) =>
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

/** The kernel of this adapter: rows times panels, each group by itself; what is not named is a row of one pixel, as it is. */
export function multiply(
  context: LowerContext,
  slots: readonly (Slot | null)[],
  constants: Constants,
  q: { readonly rows: number; readonly columns: number; readonly channels: number; readonly groups: number } & Partial<
    Record<string, number>
  >,
): void {
  const { rows, columns, channels, groups, ...rest } = q;
  const column4 = up4(columns) / 4;
  const channel4 = up4(channels) / 4;
  const shared = context.tile === "shared";
  const folds = Math.ceil(rows / mostRows);
  const rowsPerFold = Math.ceil(rows / folds / 64) * 64;
  context.dispatch({
    kernel: shared ? "conv2dShared" : "conv2d",
    constants,
    slots,
    params: {
      ...{ h: 1, w: 1, oh: 1, ow: 1, ...windowParams(onePixel), bias: 0, residual: 0, relu: 0 },
      ...(rest as Record<string, number>),
      ...{ rows, rowsPerFold, folds, columns, column4, channel4 },
      rowStride4: groups * channel4,
      yStride: groups * columns,
    },
    // A tile of 4 x 8 each, or 256 invocations for 64 x 64.
    invocations: [Math.ceil(column4 / (shared ? 1 : 2)), rowsPerFold / 4, groups * folds],
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
