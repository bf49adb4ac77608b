// The transforms of F(4x4, 3x3), four channels at a time.
import { loadLanes, madd, nmadd } from "./simd";
import { pixel } from "./winogradPixel";

/** Bᵀd of six vectors `step` bytes apart, stored `out` bytes apart. */
// @ts-expect-error: decorator
@inline
function inputColumn(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, step: usize): void {
  const four = f32x4.splat(4), five = f32x4.splat(5), two = f32x4.splat(2);
  v128.store(to, madd(four, d0, nmadd(five, d2, d4)));
  const a = nmadd(four, d2, d4), b = nmadd(four, d1, d3);
  v128.store(to + step, f32x4.add(a, b));
  v128.store(to + 2 * step, f32x4.sub(a, b));
  const e = f32x4.sub(d4, d2), f = f32x4.sub(d3, d1);
  v128.store(to + 3 * step, madd(two, f, e));
  v128.store(to + 4 * step, nmadd(two, f, e));
  v128.store(to + 5 * step, madd(four, d1, nmadd(five, d3, d5)));
}

/** Four channels (`lanes` of them are there) of an input tile, whose pixels `p` points at, to V: 36 vectors `step` bytes apart. */
// @ts-expect-error: decorator
@inline
export function inputTile4(p: usize, s: usize, offset: usize, lanes: i32, to: usize, step: usize): void {
  let t = s;
  for (let j = 0; j < 6; j++, p += 4, t += 16) {
    inputColumn(
      loadLanes(load<usize>(p) + offset, lanes), loadLanes(load<usize>(p, 24) + offset, lanes),
      loadLanes(load<usize>(p, 48) + offset, lanes), loadLanes(load<usize>(p, 72) + offset, lanes),
      loadLanes(load<usize>(p, 96) + offset, lanes), loadLanes(load<usize>(p, 120) + offset, lanes), t, 96,
    );
  }
  t = s;
  for (let i = 0; i < 6; i++, t += 96, to += 6 * step) {
    inputColumn(
      v128.load(t), v128.load(t, 16), v128.load(t, 32), v128.load(t, 48), v128.load(t, 64), v128.load(t, 80), to, step,
    );
  }
}

/** Aᵀm of six vectors; four results, 96 bytes apart. */
// @ts-expect-error: decorator
@inline
function outputColumn(m: usize, step: usize, to: usize): void {
  const m1 = v128.load(m + step), m2 = v128.load(m + 2 * step), m3 = v128.load(m + 3 * step), m4 = v128.load(m + 4 * step);
  const a = f32x4.add(m1, m2), b = f32x4.sub(m1, m2), c = f32x4.add(m3, m4), d = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(v128.load(m), a), c));
  v128.store(to, madd(f32x4.splat(2), d, b), 96);
  v128.store(to, madd(f32x4.splat(4), c, a), 192);
  v128.store(to, f32x4.add(madd(f32x4.splat(8), d, b), v128.load(m + 5 * step)), 288);
}

/** Four channels of an output tile: M (36 vectors `step` apart) to at most 4x4 pixels. */
// @ts-expect-error: decorator
@inline
export function outputTile4(
  s: usize, m: usize, step: usize, bias: v128, y: usize, residual: usize, relu: bool, lanes: i32,
  rows: i32, columns: i32, rowBytes: usize, pixelBytes: usize,
): void {
  for (let j: usize = 0; j < 6; j++) outputColumn(m + j * step, 6 * step, s + (j << 4));
  for (let i = 0; i < rows; i++) {
    const t = s + <usize>i * 96;
    const m1 = v128.load(t, 16), m2 = v128.load(t, 32), m3 = v128.load(t, 48), m4 = v128.load(t, 64);
    const a = f32x4.add(m1, m2), b = f32x4.sub(m1, m2), c = f32x4.add(m3, m4), d = f32x4.sub(m3, m4);
    let at = y, from = residual;
    pixel(at, from, relu, lanes, f32x4.add(f32x4.add(f32x4.add(v128.load(t), a), c), bias));
    if (columns > 1) {
      at += pixelBytes;
      if (from) from += pixelBytes;
      pixel(at, from, relu, lanes, f32x4.add(madd(f32x4.splat(2), d, b), bias));
    }
    if (columns > 2) {
      at += pixelBytes;
      if (from) from += pixelBytes;
      pixel(at, from, relu, lanes, f32x4.add(madd(f32x4.splat(4), c, a), bias));
    }
    if (columns > 3) {
      at += pixelBytes;
      if (from) from += pixelBytes;
      pixel(at, from, relu, lanes, f32x4.add(f32x4.add(madd(f32x4.splat(8), d, b), v128.load(t, 80)), bias));
    }
    y += rowBytes;
    if (residual) residual += rowBytes;
  }
}
