import {
  ADAPTIVE_POOL_C, ADAPTIVE_POOL_H, ADAPTIVE_POOL_MAX, ADAPTIVE_POOL_OH, ADAPTIVE_POOL_OW, ADAPTIVE_POOL_W, ADAPTIVE_POOL_X,
  ADAPTIVE_POOL_Y, AVG_POOL_COUNT_INCLUDE_PAD, MAX_POOL_C, MAX_POOL_DILATION_H, MAX_POOL_DILATION_W, MAX_POOL_H, MAX_POOL_KERNEL_H,
  MAX_POOL_KERNEL_W, MAX_POOL_OH, MAX_POOL_OW, MAX_POOL_PAD_H, MAX_POOL_PAD_W, MAX_POOL_STRIDE_H, MAX_POOL_STRIDE_W, MAX_POOL_W,
  MAX_POOL_X, MAX_POOL_Y,
} from "./generated/records";
import { loadLanes, storeLanes } from "./simd";

/** Largest of the window's pixels; those outside do not count. NaN wins, as in PyTorch. */
export function maxPool(r: usize, tile: i32): void {
  pool(r, tile, true);
}

/** Mean of the window's pixels. The record starts as max pooling's does. */
export function avgPool(r: usize, tile: i32): void {
  pool(r, tile, false);
}

// @ts-expect-error: decorator
@inline
function pool(r: usize, tile: i32, largest: bool): void {
  const h = load<i32>(r, MAX_POOL_H), w = load<i32>(r, MAX_POOL_W), c = load<i32>(r, MAX_POOL_C);
  const oh = load<i32>(r, MAX_POOL_OH), ow = load<i32>(r, MAX_POOL_OW);
  const kernelH = load<i32>(r, MAX_POOL_KERNEL_H), kernelW = load<i32>(r, MAX_POOL_KERNEL_W);
  const dilationH = load<i32>(r, MAX_POOL_DILATION_H), dilationW = load<i32>(r, MAX_POOL_DILATION_W);
  const strideW = load<i32>(r, MAX_POOL_STRIDE_W), padH = load<i32>(r, MAX_POOL_PAD_H), padW = load<i32>(r, MAX_POOL_PAD_W);
  const n = tile / oh, oy = tile - n * oh;
  const x = load<usize>(r, MAX_POOL_X) + ((<usize>n * h * w * c) << 2);
  let y = load<usize>(r, MAX_POOL_Y) + ((<usize>tile * ow * c) << 2);
  const top = oy * load<i32>(r, MAX_POOL_STRIDE_H) - padH;
  const firstI = inside(top, dilationH), endI = min(kernelH, inside(top - h, dilationH));
  const pixel = <usize>c << 2, row = <usize>w * pixel, stepI = <usize>dilationH * row, stepJ = <usize>dilationW * pixel;
  for (let ox = 0; ox < ow; ox++, y += pixel) {
    const left = ox * strideW - padW;
    let scale: f32 = 1;
    if (!largest) {
      // PyTorch's divisor: the window clipped to the padded picture, or the pixels that are really there.
      let tall = min(top + kernelH, h + padH) - top, wide = min(left + kernelW, w + padW) - left;
      if (load<i32>(r, AVG_POOL_COUNT_INCLUDE_PAD) == 0) {
        tall = min(top + kernelH, h) - max(top, 0);
        wide = min(left + kernelW, w) - max(left, 0);
      }
      scale = 1 / <f32>(tall * wide);
    }
    const firstJ = inside(left, dilationW), count = max(0, min(kernelW, inside(left - w, dilationW)) - firstJ);
    const from = x + <usize>(top + firstI * dilationH) * row + <usize>(left + firstJ * dilationW) * pixel;
    const lastRow = from + <usize>max(0, endI - firstI) * stepI, length = <usize>count * stepJ;
    let offset: usize = 0;
    for (const whole = pixel & ~15; offset < whole; offset += 16) {
      v128.store(y + offset, window(from + offset, lastRow + offset, length, stepI, stepJ, 4, largest, scale));
    }
    if (offset < pixel) {
      storeLanes(y + offset, window(from + offset, lastRow + offset, length, stepI, stepJ, c & 3, largest, scale), c & 3);
    }
  }
}

/** The first tap that lies at or behind the border: taps are `dilation` apart, the first one at `at`. */
// @ts-expect-error: decorator
@inline
function inside(at: i32, dilation: i32): i32 {
  return at >= 0 ? 0 : (dilation - 1 - at) / dilation;
}

/** Four channels of a window. `largest` and `lanes` are constants where it matters. */
// @ts-expect-error: decorator
@inline
function window(from: usize, lastRow: usize, length: usize, stepI: usize, stepJ: usize, lanes: i32, largest: bool, scale: f32): v128 {
  let acc = f32x4.splat(largest ? -f32.MAX_VALUE - f32.MAX_VALUE : 0), nan = i32x4.splat(0);
  for (; from != lastRow; from += stepI) {
    const end = from + length;
    for (let at = from; at != end; at += stepJ) {
      const v = lanes == 4 ? v128.load(at) : loadLanes(at, lanes);
      if (largest) {
        // f32x4.max is eight instructions on x86; these are three.
        acc = f32x4.pmax(acc, v);
        nan = v128.or(nan, f32x4.ne(v, v));
      } else acc = f32x4.add(acc, v);
    }
  }
  return largest ? v128.or(acc, nan) : f32x4.mul(acc, f32x4.splat(scale));
}

/** Mean or largest value of the area rows floor(i·h/oh) .. ceil((i+1)·h/oh), columns alike; a tile is an output pixel. */
export function adaptivePool(r: usize, tile: i32): void {
  const h = load<i32>(r, ADAPTIVE_POOL_H), w = load<i32>(r, ADAPTIVE_POOL_W), c = load<i32>(r, ADAPTIVE_POOL_C);
  const oh = load<i32>(r, ADAPTIVE_POOL_OH), ow = load<i32>(r, ADAPTIVE_POOL_OW), largest = load<i32>(r, ADAPTIVE_POOL_MAX) != 0;
  const n = tile / (oh * ow), pixel = tile - n * oh * ow, oy = pixel / ow, ox = pixel - oy * ow;
  const y0 = oy * h / oh, y1 = ((oy + 1) * h + oh - 1) / oh;
  const x0 = ox * w / ow, x1 = ((ox + 1) * w + ow - 1) / ow;
  const x = load<usize>(r, ADAPTIVE_POOL_X) + ((<usize>n * h * w * c) << 2);
  const y = load<usize>(r, ADAPTIVE_POOL_Y) + ((<usize>tile * c) << 2);
  const scale = f32x4.splat(<f32>1 / <f32>((y1 - y0) * (x1 - x0)));
  for (let ch = 0; ch < c; ch += 4) {
    const lanes = min(4, c - ch);
    let acc = f32x4.splat(largest ? -f32.MAX_VALUE - f32.MAX_VALUE : 0);
    for (let iy = y0; iy < y1; iy++) {
      for (let ix = x0; ix < x1; ix++) {
        const v = loadLanes(x + ((<usize>(iy * w + ix) * c + ch) << 2), lanes);
        acc = largest ? f32x4.max(acc, v) : f32x4.add(acc, v);
      }
    }
    storeLanes(y + (ch << 2), largest ? acc : f32x4.mul(acc, scale), lanes);
  }
}
