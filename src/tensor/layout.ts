import type { Shape } from "./shape.ts";

/**
 * The bytes of a 4-D tensor are channels-last (N,H,W,C) whatever the shape says (N,C,H,W): a 1x1 convolution is then a plain
 * matrix product and a picture's pixels need no shuffling. Everything else is stored in row-major order.
 * These two functions are the only places that convert.
 */
export function toStorageOrder(values: Float32Array, shape: Shape): Float32Array {
  if (!differs(shape)) return values;
  const [n, c, h, w] = shape as [number, number, number, number];
  return swapInner(values, n, c, h * w);
}

/** Inverse of {@link toStorageOrder}: storage bytes to row-major values in the shape's order. */
export function fromStorageOrder(stored: Float32Array, shape: Shape): Float32Array {
  if (!differs(shape)) return stored;
  const [n, c, h, w] = shape as [number, number, number, number];
  return swapInner(stored, n, h * w, c);
}

function differs(shape: Shape): boolean {
  return shape.length === 4 && shape[1] !== 1 && shape[2]! * shape[3]! !== 1;
}

/** [n][rows][cols] -> [n][cols][rows] */
function swapInner(src: Float32Array, n: number, rows: number, cols: number): Float32Array {
  const out = new Float32Array(src.length);
  const size = rows * cols;
  for (let i = 0; i < n; i++) {
    const base = i * size;
    if (rows < cols) {
      for (let r = 0, from = base; r < rows; r++) {
        for (let o = base + r, end = from + cols; from < end; from++, o += rows) out[o] = src[from]!;
      }
    } else {
      // Filters: short columns, so writing is what should run straight.
      for (let k = 0, o = base; k < cols; k++) {
        for (let from = base + k, end = o + rows; o < end; o++, from += cols) out[o] = src[from]!;
      }
    }
  }
  return out;
}
