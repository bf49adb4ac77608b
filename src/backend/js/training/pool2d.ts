import type { OpAttrs, View, Window } from "../../backend.ts";
import { nchw } from "../../pictures.ts";
import { floats } from "../view.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

/** dy goes to the first largest pixel of its window (NaN counts as largest), as in PyTorch. */
export function maxPool2dGrad(attrs: Window, [xView, dyView]: Inputs, [dxView]: Outputs): void {
  const [, , oh, ow] = nchw(dyView!.shape);
  const [, , h, w] = nchw(xView!.shape);
  scatterMax(
    xView!,
    dyView!,
    dxView!,
    (i, j) => {
      const rows: number[] = [];
      const columns: number[] = [];
      for (let p = 0; p < attrs.kernelH; p++) {
        const row = i * attrs.strideH + p * attrs.dilationH - attrs.padH;
        if (row >= 0 && row < h) rows.push(row);
      }
      for (let q = 0; q < attrs.kernelW; q++) {
        const col = j * attrs.strideW + q * attrs.dilationW - attrs.padW;
        if (col >= 0 && col < w) columns.push(col);
      }
      return { rows, columns };
    },
    oh,
    ow,
  );
}

export function adaptiveMaxPool2dGrad(_attrs: object, [xView, dyView]: Inputs, [dxView]: Outputs): void {
  const [, , oh, ow] = nchw(dyView!.shape);
  const [, , h, w] = nchw(xView!.shape);
  scatterMax(xView!, dyView!, dxView!, (i, j) => ({ rows: area(i, h, oh), columns: area(j, w, ow) }), oh, ow);
}

function area(i: number, size: number, out: number): number[] {
  const start = Math.floor((i * size) / out);
  return Array.from({ length: Math.ceil(((i + 1) * size) / out) - start }, (_, k) => start + k);
}

function scatterMax(
  xView: View,
  dyView: View,
  dxView: View,
  window: (i: number, j: number) => { rows: number[]; columns: number[] },
  oh: number,
  ow: number,
): void {
  const x = floats(xView);
  const dy = floats(dyView);
  const dx = floats(dxView);
  const [batch, c, h, w] = nchw(xView.shape);
  dx.fill(0);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < oh; i++) {
      for (let j = 0; j < ow; j++) {
        const { rows, columns } = window(i, j);
        for (let ch = 0; ch < c; ch++) {
          let best = -1;
          for (const row of rows) {
            for (const col of columns) {
              const at = ((n * h + row) * w + col) * c + ch;
              if (best < 0 || x[at]! > x[best]! || (Number.isNaN(x[at]!) && !Number.isNaN(x[best]!))) best = at;
            }
          }
          if (best >= 0) dx[best]! += dy[((n * oh + i) * ow + j) * c + ch]!;
        }
      }
    }
  }
}

export function avgPool2dGrad(attrs: OpAttrs["avgPool2dGrad"], [dyView]: Inputs, [dxView]: Outputs): void {
  const [, , oh, ow] = nchw(dyView!.shape);
  const [, , h, w] = nchw(dxView!.shape);
  const { kernelH, kernelW, strideH, strideW, padH, padW, countIncludePad } = attrs;
  spread(dyView!, dxView!, oh, ow, (i, j) => {
    const top = i * strideH - padH;
    const left = j * strideW - padW;
    const y0 = Math.max(top, 0);
    const y1 = Math.min(top + kernelH, h);
    const x0 = Math.max(left, 0);
    const x1 = Math.min(left + kernelW, w);
    const count = countIncludePad
      ? (Math.min(top + kernelH, h + padH) - top) * (Math.min(left + kernelW, w + padW) - left)
      : (y1 - y0) * (x1 - x0);
    return { y0, y1, x0, x1, count };
  });
}

export function adaptiveAvgPool2dGrad(_attrs: object, [dyView]: Inputs, [dxView]: Outputs): void {
  const [, , oh, ow] = nchw(dyView!.shape);
  const [, , h, w] = nchw(dxView!.shape);
  spread(dyView!, dxView!, oh, ow, (i, j) => {
    const y0 = Math.floor((i * h) / oh);
    const y1 = Math.ceil(((i + 1) * h) / oh);
    const x0 = Math.floor((j * w) / ow);
    const x1 = Math.ceil(((j + 1) * w) / ow);
    return { y0, y1, x0, x1, count: (y1 - y0) * (x1 - x0) };
  });
}

function spread(
  dyView: View,
  dxView: View,
  oh: number,
  ow: number,
  window: (i: number, j: number) => { y0: number; y1: number; x0: number; x1: number; count: number },
): void {
  const dy = floats(dyView);
  const dx = floats(dxView);
  const [batch, c, h, w] = nchw(dxView.shape);
  dx.fill(0);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < oh; i++) {
      for (let j = 0; j < ow; j++) {
        const { y0, y1, x0, x1, count } = window(i, j);
        const from = ((n * oh + i) * ow + j) * c;
        for (let row = y0; row < y1; row++) {
          for (let col = x0; col < x1; col++) {
            const to = ((n * h + row) * w + col) * c;
            for (let ch = 0; ch < c; ch++) dx[to + ch]! += dy[from + ch]! / count;
          }
        }
      }
    }
  }
}
