// The transforms of F(2x2, 3x3), four channels at a time: additions only.
import { loadLanes } from "./simd";
import { pixel } from "./winogradPixel";

/** Bᵀd of four vectors, stored `step` bytes apart. */
// @ts-expect-error: decorator
@inline
function inputColumn(d0: v128, d1: v128, d2: v128, d3: v128, to: usize, step: usize): void {
  v128.store(to, f32x4.sub(d0, d2));
  v128.store(to + step, f32x4.add(d1, d2));
  v128.store(to + 2 * step, f32x4.sub(d2, d1));
  v128.store(to + 3 * step, f32x4.sub(d1, d3));
}

/** Four channels (`lanes` of them are there) of an input tile, whose pixels `p` points at, to V: 16 vectors `step` bytes apart. */
// @ts-expect-error: decorator
@inline
export function inputTile2(p: usize, s: usize, offset: usize, lanes: i32, to: usize, step: usize): void {
  let t = s;
  for (let j = 0; j < 4; j++, p += 4, t += 16) {
    inputColumn(
      loadLanes(load<usize>(p) + offset, lanes), loadLanes(load<usize>(p, 16) + offset, lanes),
      loadLanes(load<usize>(p, 32) + offset, lanes), loadLanes(load<usize>(p, 48) + offset, lanes), t, 64,
    );
  }
  t = s;
  for (let i = 0; i < 4; i++, t += 64, to += 4 * step) {
    inputColumn(v128.load(t), v128.load(t, 16), v128.load(t, 32), v128.load(t, 48), to, step);
  }
}

/** Four channels of an output tile: M (16 vectors `step` apart) to at most 2x2 pixels. */
// @ts-expect-error: decorator
@inline
export function outputTile2(
  s: usize, m: usize, step: usize, bias: v128, y: usize, residual: usize, relu: bool, lanes: i32,
  rows: i32, columns: i32, rowBytes: usize, pixelBytes: usize,
): void {
  for (let j: usize = 0; j < 4; j++, m += step) {
    const m1 = v128.load(m + 4 * step), m2 = v128.load(m + 8 * step);
    v128.store(s + (j << 4), f32x4.add(f32x4.add(v128.load(m), m1), m2));
    v128.store(s + (j << 4), f32x4.sub(f32x4.sub(m1, m2), v128.load(m + 12 * step)), 64);
  }
  for (let i = 0; i < rows; i++, s += 64, y += rowBytes) {
    const m1 = v128.load(s, 16), m2 = v128.load(s, 32);
    pixel(y, residual, relu, lanes, f32x4.add(f32x4.add(f32x4.add(v128.load(s), m1), m2), bias));
    if (columns > 1) {
      const from = residual ? residual + pixelBytes : 0;
      pixel(y + pixelBytes, from, relu, lanes, f32x4.add(f32x4.sub(f32x4.sub(m1, m2), v128.load(s, 48)), bias));
    }
    if (residual) residual += rowBytes;
  }
}
