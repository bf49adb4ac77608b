import type { Shape } from "./shape.ts";

/**
 * The bytes of a 4-D tensor are channels-last (N,H,W,C) whatever the shape says (N,C,H,W): a 1x1 convolution is then a plain
 * matrix product and a picture's pixels need no shuffling. Everything else is stored in row-major order.
 * The functions of this file convert, and `fill` of a backend whose memory a checkpoint is read into.
 */
export function toStorageOrder(values: Float32Array, shape: Shape): Float32Array {
  if (!isTurned(shape)) return values;
  const [n, c, h, w] = shape as [number, number, number, number];
  return swapInner(values, n, c, h * w);
}

/** The same in memory that the next call uses again: fresh memory for every tensor of a checkpoint costs more than turning it. */
export function toStorageOrderSoon(values: Float32Array, shape: Shape): Float32Array {
  if (!isTurned(shape)) return values;
  const { length } = values;
  if (length > keptLength) return toStorageOrder(values, shape);
  if (kept.length < length) kept = new Float32Array(length);
  const [n, c, h, w] = shape as [number, number, number, number];
  return swapInner(values, n, c, h * w, kept.subarray(0, length));
}

/** The largest filters of a ResNet: 512 x 512 x 3 x 3, and with room to spare. */
const keptLength = 1 << 22;
let kept = new Float32Array(0);

/** Inverse of {@link toStorageOrder}: storage bytes to row-major values in the shape's order. */
export function fromStorageOrder(stored: Float32Array, shape: Shape): Float32Array {
  if (!isTurned(shape)) return stored;
  const [n, c, h, w] = shape as [number, number, number, number];
  return swapInner(stored, n, h * w, c);
}

/** Whether row-major values are in another order than the bytes of a tensor of this shape. */
export function isTurned(shape: Shape): boolean {
  return shape.length === 4 && shape[1] !== 1 && shape[2]! * shape[3]! !== 1;
}

/** [n][rows][cols] -> [n][cols][rows] */
function swapInner(
  src: Float32Array,
  n: number,
  rows: number,
  cols: number,
  out = new Float32Array(src.length),
): Float32Array {
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
