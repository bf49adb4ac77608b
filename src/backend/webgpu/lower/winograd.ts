import type { View, Window } from "../../backend.ts";
import { nchw } from "../../pictures.ts";
import { each, type LowerContext, type Slot } from "../context.ts";
import { multiply, type Product, padded } from "./multiply.ts";
import { flag, up4 } from "./shapes.ts";

/** Whether F(2x2, 3x3) can compute it at all. */
export function fits({ window: q, groups }: { readonly window: Window; readonly groups: number }): boolean {
  const odd = q.kernelH !== 3 || q.kernelW !== 3 || q.strideH !== 1 || q.strideW !== 1;
  return !odd && q.dilationH === 1 && q.dilationW === 1 && groups === 1;
}

/** Tiles of a result, and values of the larger of both transformed tensors. */
export function tilesOf(from: View, to: View): { tilesH: number; tilesW: number; tiles: number; values: number } {
  const [, c] = nchw(from.shape);
  const [n, oc, oh, ow] = nchw(to.shape);
  const [tilesH, tilesW] = [Math.ceil(oh / 2), Math.ceil(ow / 2)];
  const tiles = n * tilesH * tilesW;
  return { tilesH, tilesW, tiles, values: 16 * tiles * up4(Math.max(c, oc)) };
}

/** The name of the transformed filter. */
export const layoutOf = (transposed: boolean): string => `winograd ${transposed}`;

/** A convolution of 3x3 and stride 1 in four steps, of which the first is done once for a constant weight. */
export function winograd(context: LowerContext, q: Product): void {
  const [, c, h, w] = nchw(q.from.shape);
  const [, columns, oh, ow] = nchw(q.to.shape);
  const [channelsPadded, columnsPadded] = [up4(c), up4(columns)];
  const { tilesH, tilesW, tiles } = tilesOf(q.from, q.to);
  const size = channelsPadded * columnsPadded;
  const constants = q.transposed ? { transposed: 1 } : {};
  const u = context.prepare(layoutOf(q.transposed), q.weight, 16 * size, (to) =>
    each(context, "winogradFilter", size, [q.weight, to], { channels: c, columns, columnsPadded }, constants),
  );
  const v: Slot = context.scratch(16 * tiles * channelsPadded);
  const x = padded(context, q.from, 1);
  // The gradient of the input is a convolution with the filter turned round and the rest of the padding.
  const padH = q.transposed ? 2 - q.window.padH : q.window.padH;
  const padW = q.transposed ? 2 - q.window.padW : q.window.padW;
  const channel4 = channelsPadded / 4;
  each(context, "winogradInput", tiles * channel4, [x, v], { channel4, h, w, tilesH, tilesW, padH, padW });
  const m = context.scratch(16 * tiles * columnsPadded);
  multiply(context, [v, u, m, null, null], {}, { rows: tiles, columns: columnsPadded, channels: c, groups: 16 });
  const column4 = columnsPadded / 4;
  each(context, "winogradOutput", tiles * column4, [m, q.to, q.bias, q.residual], {
    columns,
    column4,
    oh,
    ow,
    tilesH,
    tilesW,
    bias: flag(q.bias),
    residual: flag(q.residual),
    relu: flag(q.relu),
  });
}
