import type { OpAttrs, View, Window } from "../backend.ts";
import { nchw } from "../pictures.ts";
import { floats } from "./view.ts";

/**
 * One range of rows (or columns) of the input for each output row (column): from, to (exclusive), step and how many cells of
 * the window there are, padding included.
 */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly cells: number;
}

/** Largest value in each window; padding counts as -inf. A NaN in the window is the result, as PyTorch has it. */
export function maxPool2d(attrs: Window, inputs: readonly (View | null)[], outputs: readonly View[]): void {
  maxOver(
    inputs[0]!,
    outputs[0]!,
    slidingRows(attrs, inputs[0]!, outputs[0]!),
    slidingCols(attrs, inputs[0]!, outputs[0]!),
  );
}

/** Mean of each window, summed row by row in 64 bits; padding counts as zeros, or not at all. */
export function avgPool2d(
  attrs: OpAttrs["avgPool2d"],
  inputs: readonly (View | null)[],
  outputs: readonly View[],
): void {
  const rows = slidingRows(attrs, inputs[0]!, outputs[0]!);
  const cols = slidingCols(attrs, inputs[0]!, outputs[0]!);
  meanOver(inputs[0]!, outputs[0]!, rows, cols, attrs.countIncludePad);
}

/** Mean of areas, rows floor(i·h/oh) to ceil((i+1)·h/oh). */
export function adaptiveAvgPool2d(
  _attrs: OpAttrs["adaptiveAvgPool2d"],
  inputs: readonly (View | null)[],
  outputs: readonly View[],
): void {
  const [rows, cols] = areas(inputs[0]!, outputs[0]!);
  meanOver(inputs[0]!, outputs[0]!, rows, cols, false);
}

/** Largest value of areas, rows floor(i·h/oh) to ceil((i+1)·h/oh). */
export function adaptiveMaxPool2d(
  _attrs: OpAttrs["adaptiveMaxPool2d"],
  inputs: readonly (View | null)[],
  outputs: readonly View[],
): void {
  const [rows, cols] = areas(inputs[0]!, outputs[0]!);
  maxOver(inputs[0]!, outputs[0]!, rows, cols);
}

function slidingRows(a: Window, x: View, y: View): Span[] {
  return sliding(y.shape[2]!, x.shape[2]!, a.kernelH, a.strideH, a.padH, a.dilationH);
}

function slidingCols(a: Window, x: View, y: View): Span[] {
  return sliding(y.shape[3]!, x.shape[3]!, a.kernelW, a.strideW, a.padW, a.dilationW);
}

function sliding(count: number, size: number, kernel: number, stride: number, pad: number, step: number): Span[] {
  return Array.from({ length: count }, (_, i) => {
    const start = i * stride - pad;
    const skipped = start < 0 ? Math.ceil(-start / step) : 0;
    return { from: start + skipped * step, to: Math.min(start + kernel * step, size), step, cells: kernel };
  });
}

function areas(x: View, y: View): [Span[], Span[]] {
  const along = (size: number, count: number): Span[] =>
    Array.from({ length: count }, (_, i) => {
      const from = Math.floor((i * size) / count);
      const to = Math.ceil(((i + 1) * size) / count);
      return { from, to, step: 1, cells: to - from };
    });
  return [along(x.shape[2]!, y.shape[2]!), along(x.shape[3]!, y.shape[3]!)];
}

function maxOver(input: View, output: View, rows: readonly Span[], cols: readonly Span[]): void {
  const x = floats(input);
  const y = floats(output);
  const [batch, c, h, w] = nchw(input.shape);
  let to = 0;
  for (let n = 0; n < batch; n++) {
    for (const row of rows) {
      for (const col of cols) {
        y.fill(Number.NEGATIVE_INFINITY, to, to + c);
        for (let r = row.from; r < row.to; r += row.step) {
          for (let q = col.from; q < col.to; q += col.step) {
            const from = ((n * h + r) * w + q) * c;
            for (let i = 0; i < c; i++) {
              const v = x[from + i]!;
              if (v > y[to + i]! || Number.isNaN(v)) y[to + i] = v; // nothing is larger than NaN: it stays
            }
          }
        }
        to += c;
      }
    }
  }
}

function meanOver(input: View, output: View, rows: readonly Span[], cols: readonly Span[], countAll: boolean): void {
  const x = floats(input);
  const y = floats(output);
  const [batch, c, h, w] = nchw(input.shape);
  const sums = new Float64Array(c);
  let to = 0;
  for (let n = 0; n < batch; n++) {
    for (const row of rows) {
      for (const col of cols) {
        sums.fill(0);
        let inside = 0;
        for (let r = row.from; r < row.to; r += row.step) {
          for (let q = col.from; q < col.to; q += col.step) {
            const from = ((n * h + r) * w + q) * c;
            for (let i = 0; i < c; i++) sums[i]! += x[from + i]!;
            inside++;
          }
        }
        const count = countAll ? row.cells * col.cells : inside;
        for (let i = 0; i < c; i++) y[to + i] = sums[i]! / count;
        to += c;
      }
    }
  }
}
