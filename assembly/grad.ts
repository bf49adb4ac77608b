// Gradients of pools, shortcuts and pointwise ops.
import {CROP_C, CROP_DX, CROP_DY, CROP_H, CROP_LEFT, CROP_OH, CROP_OW, CROP_TOP, CROP_W, MUL_A,
  MUL_B, MUL_EACH, MUL_LENGTH, MUL_PER_TILE,MUL_Y, PAD_SHORTCUT_GRAD_BEFORE,PAD_SHORTCUT_GRAD_C,PAD_SHORTCUT_GRAD_DX, 
  PAD_SHORTCUT_GRAD_DY, PAD_SHORTCUT_GRAD_H, PAD_SHORTCUT_GRAD_OC, 
  PAD_SHORTCUT_GRAD_OH, PAD_SHORTCUT_GRAD_OW, 
  PAD_SHORTCUT_GRAD_STRIDE, PAD_SHORTCUT_GRAD_W, POOL_GRAD_C, POOL_GRAD_DILATION_H, POOL_GRAD_DILATION_W, POOL_GRAD_DX, POOL_GRAD_DY, POOL_GRAD_H,POOL_GRAD_KERNEL_H, POOL_GRAD_KERNEL_W, POOL_GRAD_MODE,POOL_GRAD_OH, POOL_GRAD_OW, POOL_GRAD_PAD_H, POOL_GRAD_PAD_W, POOL_GRAD_STRIDE_H,
  POOL_GRAD_STRIDE_W, 
  POOL_GRAD_W, POOL_GRAD_X, REDUCE_COUNT, REDUCE_FACTOR, REDUCE_LENGTH, REDUCE_PER_TILE, 
  REDUCE_X, REDUCE_Y, 
  RELU_GRAD_DX, RELU_GRAD_DY,RELU_GRAD_LENGTH, RELU_GRAD_PER_TILE, RELU_GRAD_Y, 
} from "./generated/records";
import { loadLanes, storeLanes } from "./simd";

/** y = factor · Σ x[j], j in order, in f64. */
export function reduce(r: usize, tile: i32): void {
  const perTile = load<i32>(r, REDUCE_PER_TILE), length = load<i32>(r, REDUCE_LENGTH), count = load<i32>(r, REDUCE_COUNT);
  const first = tile * perTile, last = min(length, first + perTile), step = <usize>length << 2;
  const x = load<usize>(r, REDUCE_X), y = load<usize>(r, REDUCE_Y), factor = <f64>f32.load(r, REDUCE_FACTOR);
  for (let i = first; i < last; i++) {
    let sum: f64 = 0, from = x + (<usize>i << 2);
    for (let j = 0; j < count; j++, from += step) sum += <f64>f32.load(from);
    f32.store(y + (<usize>i << 2), <f32>(sum * factor));
  }
}

export function reluGrad(r: usize, tile: i32): void {
  const perTile = load<i32>(r, RELU_GRAD_PER_TILE), start = tile * perTile, count = min(perTile, load<i32>(r, RELU_GRAD_LENGTH) - start);
  const offset = <usize>start << 2;
  let y = load<usize>(r, RELU_GRAD_Y) + offset, dy = load<usize>(r, RELU_GRAD_DY) + offset, dx = load<usize>(r, RELU_GRAD_DX) + offset;
  for (let i = 0; i < count; i += 4, y += 16, dy += 16, dx += 16) {
    const lanes = min(4, count - i);
    storeLanes(dx, v128.and(loadLanes(dy, lanes), f32x4.gt(loadLanes(y, lanes), f32x4.splat(0))), lanes);
  }
}

export function mul(r: usize, tile: i32): void {
  const perTile = load<i32>(r, MUL_PER_TILE), start = tile * perTile, end = min(load<i32>(r, MUL_LENGTH), start + perTile), each = load<i32>(r, MUL_EACH);
  const a = load<usize>(r, MUL_A), b = load<usize>(r, MUL_B), y = load<usize>(r, MUL_Y);
  let i = start;
  while (i < end) {
    const owner = i / each, stop = each == 1 ? end : min(end, (owner + 1) * each);
    const factor = v128.load32_splat(b + (<usize>owner << 2));
    for (; i < stop; i += 4) {
      const lanes = min(4, stop - i), at = <usize>i << 2;
      storeLanes(y + at, f32x4.mul(loadLanes(a + at, lanes), each == 1 ? loadLanes(b + at, lanes) : factor), lanes);
    }
    i = stop;
  }
}

/** A tile is an image, so that overlapping windows add up in one order. */
export function poolGrad(r: usize, tile: i32): void {
  const h = load<i32>(r, POOL_GRAD_H), w = load<i32>(r, POOL_GRAD_W), c = load<i32>(r, POOL_GRAD_C);
  const oh = load<i32>(r, POOL_GRAD_OH), ow = load<i32>(r, POOL_GRAD_OW), mode = load<i32>(r, POOL_GRAD_MODE);
  const kernelH = load<i32>(r, POOL_GRAD_KERNEL_H), kernelW = load<i32>(r, POOL_GRAD_KERNEL_W);
  const padH = load<i32>(r, POOL_GRAD_PAD_H), padW = load<i32>(r, POOL_GRAD_PAD_W);
  const dilationH = load<i32>(r, POOL_GRAD_DILATION_H), dilationW = load<i32>(r, POOL_GRAD_DILATION_W);
  const largest = mode == 0 || mode == 4, adaptive = mode >= 3;
  const pixel = <usize>c << 2, image = <usize>(tile * h * w) * pixel;
  const x = load<usize>(r, POOL_GRAD_X) + image, dx = load<usize>(r, POOL_GRAD_DX) + image;
  let dy = load<usize>(r, POOL_GRAD_DY) + <usize>(tile * oh * ow) * pixel;
  memory.fill(dx, 0, <usize>(h * w) * pixel);
  for (let oy = 0; oy < oh; oy++) {
    const top = adaptive ? oy * h / oh : oy * load<i32>(r, POOL_GRAD_STRIDE_H) - padH;
    const tall = adaptive ? ((oy + 1) * h + oh - 1) / oh - top : kernelH;
    for (let ox = 0; ox < ow; ox++, dy += pixel) {
      const left = adaptive ? ox * w / ow : ox * load<i32>(r, POOL_GRAD_STRIDE_W) - padW;
      const wide = adaptive ? ((ox + 1) * w + ow - 1) / ow - left : kernelW;
      let count = tall * wide;
      if (mode == 1) count = (min(top + tall, h + padH) - top) * (min(left + wide, w + padW) - left);
      else if (mode == 2) count = (min(top + tall, h) - max(top, 0)) * (min(left + wide, w) - max(left, 0));
      for (let ch = 0; ch < c; ch += 4) {
        const lanes = min(4, c - ch), at = <usize>ch << 2, grad = loadLanes(dy + at, lanes);
        let best = f32x4.splat(0), where = i32x4.splat(-1);
        for (let i = 0; i < tall; i++) {
          const iy = top + i * dilationH;
          if (iy < 0 || iy >= h) continue;
          for (let j = 0; j < wide; j++) {
            const ix = left + j * dilationW;
            if (ix < 0 || ix >= w) continue;
            const place = iy * w + ix, to = <usize>place * pixel + at;
            if (largest) {
              // The first largest value, a NaN before all: as PyTorch chooses.
              const v = loadLanes(x + to, lanes);
              const nan = v128.andnot(f32x4.ne(v, v), f32x4.ne(best, best));
              const wins = v128.or(v128.or(f32x4.gt(v, best), nan), i32x4.eq(where, i32x4.splat(-1)));
              best = v128.bitselect(v, best, wins);
              where = v128.bitselect(i32x4.splat(place), where, wins);
            } else {
              storeLanes(dx + to, f32x4.add(loadLanes(dx + to, lanes), f32x4.div(grad, f32x4.splat(<f32>count))), lanes);
            }
          }
        }
        if (largest) {
          give(dx + at, pixel, i32x4.extract_lane(where, 0), f32x4.extract_lane(grad, 0));
          if (lanes > 1) give(dx + at + 4, pixel, i32x4.extract_lane(where, 1), f32x4.extract_lane(grad, 1));
          if (lanes > 2) give(dx + at + 8, pixel, i32x4.extract_lane(where, 2), f32x4.extract_lane(grad, 2));
          if (lanes > 3) give(dx + at + 12, pixel, i32x4.extract_lane(where, 3), f32x4.extract_lane(grad, 3));
        }
      }
    }
  }
}

// @ts-expect-error: decorator
@inline
function give(dx: usize, pixel: usize, place: i32, grad: f32): void {
  if (place < 0) return;
  const at = dx + <usize>place * pixel;
  f32.store(at, f32.load(at) + grad);
}

/** A tile is a row of dx. */
export function padShortcutGrad(r: usize, tile: i32): void {
  const h = load<i32>(r, PAD_SHORTCUT_GRAD_H), w = load<i32>(r, PAD_SHORTCUT_GRAD_W), stride = load<i32>(r, PAD_SHORTCUT_GRAD_STRIDE);
  const oh = load<i32>(r, PAD_SHORTCUT_GRAD_OH), ow = load<i32>(r, PAD_SHORTCUT_GRAD_OW);
  const bytes = <usize>load<i32>(r, PAD_SHORTCUT_GRAD_C) << 2, outBytes = <usize>load<i32>(r, PAD_SHORTCUT_GRAD_OC) << 2;
  const n = tile / h, y = tile - n * h;
  const dx = load<usize>(r, PAD_SHORTCUT_GRAD_DX) + <usize>(tile * w) * bytes;
  memory.fill(dx, 0, <usize>w * bytes);
  if (y % stride != 0) return;
  let dy = load<usize>(r, PAD_SHORTCUT_GRAD_DY) + <usize>((n * oh + y / stride) * ow) * outBytes + (<usize>load<i32>(r, PAD_SHORTCUT_GRAD_BEFORE) << 2);
  for (let x = 0; x < ow; x++, dy += outBytes) memory.copy(dx + <usize>(x * stride) * bytes, dy, bytes);
}

/** A tile is a row of dx. */
export function crop(r: usize, tile: i32): void {
  const h = load<i32>(r, CROP_H), bytes = <usize>load<i32>(r, CROP_C) << 2, row = <usize>load<i32>(r, CROP_W) * bytes;
  const n = tile / h, y = tile - n * h + load<i32>(r, CROP_TOP);
  const from = <usize>((n * load<i32>(r, CROP_OH) + y) * load<i32>(r, CROP_OW) + load<i32>(r, CROP_LEFT)) * bytes;
  memory.copy(load<usize>(r, CROP_DX) + <usize>tile * row, load<usize>(r, CROP_DY) + from, row);
}
