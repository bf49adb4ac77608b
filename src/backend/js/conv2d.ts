import type { Conv2dAttrs, View } from "../backend.ts";
import { nchw } from "../pictures.ts";
import { dotRows, finish, rowsPerTile } from "./dot.ts";
import { floats, optionalFloats } from "./view.ts";

/**
 * y[n, o, i, j] = bias[o] + Σ_{p, q, c} x[n, c, i·stride + p·dilation − pad, j·stride + q·dilation − pad] · weight[o, c, p, q]
 * (+ residual, then ReLU), summed in the order p, q, c. Pixels outside the picture count as zeros.
 *
 * Weights lie as oc, kh, kw, c, so an output value is the dot product of one row of weights with the pixels under the
 * window, copied to a row in the same order.
 */
export function conv2d(attrs: Conv2dAttrs, inputs: readonly (View | null)[], outputs: readonly View[]): void {
  const x = floats(inputs[0]);
  const weight = floats(inputs[1]);
  const bias = optionalFloats(inputs[2]);
  const residual = optionalFloats(inputs[3]);
  const y = floats(outputs[0]);
  const [batch, c, h, w] = nchw(inputs[0]!.shape);
  const [, oc, oh, ow] = nchw(outputs[0]!.shape);
  const { groups, relu = false } = attrs;
  const groupOutputs = oc / groups;
  const groupInputs = c / groups;
  const k = attrs.kernelH * attrs.kernelW * groupInputs;
  const windows = new Float64Array(rowsPerTile * k);
  const sums = new Float64Array(rowsPerTile * groupOutputs);
  const total = batch * oh * ow;

  for (let first = 0; first < total; first += rowsPerTile) {
    const rows = Math.min(rowsPerTile, total - first);
    for (let g = 0; g < groups; g++) {
      for (let r = 0; r < rows; r++) {
        const pixel = first + r;
        const n = Math.floor(pixel / (oh * ow));
        const i = Math.floor(pixel / ow) % oh;
        const j = pixel % ow;
        copyWindow(x, attrs, n * h, i * attrs.strideH, j * attrs.strideW, h, w, c, g * groupInputs, windows, r * k);
      }
      dotRows(windows, weight, g * groupOutputs * k, k, groupOutputs, bias, g * groupOutputs, sums);
      for (let r = 0; r < rows; r++) {
        const to = (first + r) * oc + g * groupOutputs;
        finish(sums, r * groupOutputs, y, to, groupOutputs, residual, relu);
      }
    }
  }
}

/** Copies the pixels under one window, in the order p, q, c, to `into` from index `at`. */
function copyWindow(
  x: Float32Array,
  attrs: Conv2dAttrs,
  pictureRow: number,
  top: number,
  left: number,
  h: number,
  w: number,
  c: number,
  firstChannel: number,
  into: Float64Array,
  at: number,
): void {
  const { kernelH, kernelW, padH, padW, dilationH, dilationW } = attrs;
  const channels = c / attrs.groups;
  let to = at;
  for (let p = 0; p < kernelH; p++) {
    const row = top + p * dilationH - padH;
    if (row < 0 || row >= h) {
      into.fill(0, to, to + kernelW * channels);
      to += kernelW * channels;
      continue;
    }
    for (let q = 0; q < kernelW; q++) {
      const col = left + q * dilationW - padW;
      if (col < 0 || col >= w) {
        into.fill(0, to, to + channels);
        to += channels;
        continue;
      }
      const from = ((pictureRow + row) * w + col) * c + firstChannel;
      for (let i = 0; i < channels; i++) into[to++] = x[from + i]!;
    }
  }
}
