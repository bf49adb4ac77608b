import type { View, Window } from "../../backend.ts";
import { nchw, onePixel } from "../../pictures.ts";
import { each, type LowerContext, type Slot } from "../context.ts";
import type { Constants } from "../pipelines.ts";
import { up4, windowParams } from "./shapes.ts";

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
