import type { Conv2dAttrs, View } from "../../backend.ts";
import { nchw } from "../../pictures.ts";
import { floats, optionalFloats } from "../view.ts";

/** Calls `visit` for each pair of an output pixel and a window pixel inside the picture: floats' offsets of x and y, tap number. */
function eachTap(
  attrs: Conv2dAttrs,
  x: readonly number[],
  y: readonly number[],
  visit: (xAt: number, yAt: number, tap: number) => void,
): void {
  const [batch, c, h, w] = x as [number, number, number, number];
  const [, oc, oh, ow] = y as [number, number, number, number];
  const { kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW } = attrs;
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < oh; i++) {
      for (let j = 0; j < ow; j++) {
        const yAt = ((n * oh + i) * ow + j) * oc;
        for (let p = 0; p < kernelH; p++) {
          const row = i * strideH + p * dilationH - padH;
          if (row < 0 || row >= h) continue;
          for (let q = 0; q < kernelW; q++) {
            const col = j * strideW + q * dilationW - padW;
            if (col >= 0 && col < w) visit(((n * h + row) * w + col) * c, yAt, p * kernelW + q);
          }
        }
      }
    }
  }
}

/** dx[n, c, row, col] = Σ dy[n, o, i, j] · weight[o, c, p, q] over the output pixels whose windows hold that pixel. */
export function conv2dInputGrad(
  attrs: Conv2dAttrs,
  [dyView, wView, knownView]: readonly (View | null)[],
  [dxView]: readonly View[],
): void {
  const dy = floats(dyView);
  const weight = floats(wView);
  const c = dxView!.shape[1]!;
  const oc = dyView!.shape[1]!;
  const icg = c / attrs.groups;
  const ocg = oc / attrs.groups;
  const k = attrs.kernelH * attrs.kernelW * icg;
  const known = optionalFloats(knownView);
  const sums = known ? Float64Array.from(known) : new Float64Array(floats(dxView).length);
  eachTap(attrs, nchw(dxView!.shape), nchw(dyView!.shape), (xAt, yAt, tap) => {
    for (let o = 0; o < oc; o++) {
      const g = dy[yAt + o]!;
      if (g === 0) continue;
      const to = xAt + Math.floor(o / ocg) * icg;
      const from = o * k + tap * icg;
      for (let i = 0; i < icg; i++) sums[to + i]! += g * weight[from + i]!;
    }
  });
  floats(dxView).set(sums);
}

/** dw[o, c, p, q] = Σ dy[n, o, i, j] · x[n, c, i·stride + p·dilation − pad, j·stride + q·dilation − pad]. */
export function conv2dWeightGrad(
  attrs: Conv2dAttrs,
  [xView, dyView]: readonly (View | null)[],
  [dwView]: readonly View[],
): void {
  const x = floats(xView);
  const dy = floats(dyView);
  const icg = xView!.shape[1]! / attrs.groups;
  const oc = dyView!.shape[1]!;
  const ocg = oc / attrs.groups;
  const k = attrs.kernelH * attrs.kernelW * icg;
  const sums = new Float64Array(floats(dwView).length);
  eachTap(attrs, nchw(xView!.shape), nchw(dyView!.shape), (xAt, yAt, tap) => {
    for (let o = 0; o < oc; o++) {
      const g = dy[yAt + o]!;
      if (g === 0) continue;
      const from = xAt + Math.floor(o / ocg) * icg;
      const to = o * k + tap * icg;
      for (let i = 0; i < icg; i++) sums[to + i]! += g * x[from + i]!;
    }
  });
  floats(dwView).set(sums);
}

/** dx = dy · weight. */
export function linearInputGrad(
  _attrs: object,
  [dyView, wView]: readonly (View | null)[],
  [dxView]: readonly View[],
): void {
  const dy = floats(dyView);
  const weight = floats(wView);
  const dx = floats(dxView);
  const [n, m] = dyView!.shape as [number, number];
  const k = wView!.shape[1]!;
  const sums = new Float64Array(k);
  for (let i = 0; i < n; i++) {
    sums.fill(0);
    for (let o = 0; o < m; o++) for (let j = 0; j < k; j++) sums[j]! += dy[i * m + o]! * weight[o * k + j]!;
    dx.set(sums, i * k);
  }
}

/** dw = dyᵀ · x. */
export function linearWeightGrad(
  _attrs: object,
  [xView, dyView]: readonly (View | null)[],
  [dwView]: readonly View[],
): void {
  const x = floats(xView);
  const dy = floats(dyView);
  const dw = floats(dwView);
  const [n, m] = dyView!.shape as [number, number];
  const k = xView!.shape[1]!;
  const sums = new Float64Array(k);
  for (let o = 0; o < m; o++) {
    sums.fill(0);
    for (let i = 0; i < n; i++) for (let j = 0; j < k; j++) sums[j]! += dy[i * m + o]! * x[i * k + j]!;
    dw.set(sums, o * k);
  }
}

/** The gradient of a bias: dy summed over everything but channels. */
export function channelSum(_attrs: object, [dyView]: readonly (View | null)[], [dbView]: readonly View[]): void {
  const dy = floats(dyView);
  const c = dyView!.shape[1]!;
  const sums = new Float64Array(c);
  for (let from = 0; from < dy.length; from += c) for (let i = 0; i < c; i++) sums[i]! += dy[from + i]!;
  floats(dbView).set(sums);
}
