// The transforms of F(4x4, 3x3), four channels at a time.
import { madd, nmadd } from "./simd";
import { pixel } from "./winogradPixel";

/** Where 2, 4 and 5 lie in a worker's scratch memory: V8 puts a constant together anew at every use, what was loaded stays in a register. */
// @ts-expect-error: decorator
@inline
export const FACTORS: usize = 720;

export function storeFactors(s: usize): void {
  v128.store(s, f32x4.splat(2), FACTORS);
  v128.store(s, f32x4.splat(4), FACTORS + 16);
  v128.store(s, f32x4.splat(5), FACTORS + 32);
}

/** Bᵀd of six vectors `step` bytes apart, stored `out` bytes apart. */
// @ts-expect-error: decorator
@inline
export function inputColumn(
  d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, step: usize, two: v128, four: v128, five: v128,
): void {
  v128.store(to, madd(four, d0, nmadd(five, d2, d4)));
  const a = nmadd(four, d2, d4), b = nmadd(four, d1, d3);
  v128.store(to + step, f32x4.add(a, b));
  v128.store(to + 2 * step, f32x4.sub(a, b));
  const e = f32x4.sub(d4, d2), f = f32x4.sub(d3, d1);
  v128.store(to + 3 * step, madd(two, f, e));
  v128.store(to + 4 * step, nmadd(two, f, e));
  v128.store(to + 5 * step, madd(four, d1, nmadd(five, d3, d5)));
}

/** Four channels of an input tile, whose pixels `p` points at, to V: 36 vectors `step` bytes apart. */
// @ts-expect-error: decorator
@inline
export function inputTile4(p: usize, s: usize, offset: usize, to: usize, step: usize): void {
  const two = v128.load(s, FACTORS), four = v128.load(s, FACTORS + 16), five = v128.load(s, FACTORS + 32);
  let t = s;
  for (let j = 0; j < 6; j++, p += 4, t += 16) {
    inputColumn(
      v128.load(load<usize>(p) + offset), v128.load(load<usize>(p, 24) + offset),
      v128.load(load<usize>(p, 48) + offset), v128.load(load<usize>(p, 72) + offset),
      v128.load(load<usize>(p, 96) + offset), v128.load(load<usize>(p, 120) + offset), t, 96, two, four, five,
    );
  }
  t = s;
  for (let i = 0; i < 6; i++, t += 96, to += 6 * step) {
    inputColumn(
      v128.load(t), v128.load(t, 16), v128.load(t, 32), v128.load(t, 48), v128.load(t, 64), v128.load(t, 80), to, step, two, four, five,
    );
  }
}

/**
 * Aᵀm of the columns of a tile of M, four channels of [points][points][8], to rows of six vectors. `size`, a constant: 4, F(4, 3), four results of six;
 * 3, F(3, 4), three of six; 5, F(4, 2), four of five. They differ in which points there are and in the one result that has a part at infinity.
 */
// @ts-expect-error: decorator
@inline
export function columns4(size: i32, m: usize, to: usize, two: v128, four: v128, eight: v128): void {
  for (const end = m + (size == 5 ? 160 : 192); m < end; m += 32, to += 16) {
    const m1 = size == 5 ? v128.load(m, 160) : v128.load(m, 192), m2 = size == 5 ? v128.load(m, 320) : v128.load(m, 384);
    const a = f32x4.add(m1, m2), b = f32x4.sub(m1, m2), last = size == 5 ? v128.load(m, 640) : v128.load(m, 960);
    let c = size == 5 ? v128.load(m, 480) : v128.load(m, 576), d = c;
    if (size != 5) {
      const m4 = v128.load(m, 768);
      d = f32x4.sub(c, m4);
      c = f32x4.add(c, m4);
    }
    v128.store(to, f32x4.add(f32x4.add(v128.load(m), a), c));
    v128.store(to, madd(two, d, b), 96);
    const third = madd(four, c, a);
    v128.store(to, size == 3 ? f32x4.add(third, last) : third, 192);
    if (size != 3) v128.store(to, f32x4.add(madd(eight, d, b), last), 288);
  }
}

/**
 * The same of a row, to at most four pixels (three, two: `size` 3, 2): plus bias, plus the value `add` bytes further (unless 0), not below
 * `floor`.
 */
// @ts-expect-error: decorator
@inline
export function row4(
  size: i32, t: usize, bias: v128, y: usize, add: usize, floor: v128, lanes: i32, columns: i32, pixelBytes: usize, two: v128,
  four: v128, eight: v128,
): void {
  const m1 = v128.load(t, 16), m2 = v128.load(t, 32), m3 = v128.load(t, 48);
  const a = f32x4.add(m1, m2), b = f32x4.sub(m1, m2);
  if (size == 2) {
    pixel(y, add, floor, lanes, f32x4.add(f32x4.add(f32x4.add(v128.load(t), m1), m2), bias));
    if (columns > 1) pixel(y + pixelBytes, add, floor, lanes, f32x4.add(f32x4.sub(b, m3), bias));
    return;
  }
  const m4 = v128.load(t, 64), last = size == 5 ? m4 : v128.load(t, 80);
  const c = size == 5 ? m3 : f32x4.add(m3, m4), d = size == 5 ? m3 : f32x4.sub(m3, m4);
  pixel(y, add, floor, lanes, f32x4.add(f32x4.add(f32x4.add(v128.load(t), a), c), bias));
  if (columns > 1) {
    y += pixelBytes;
    pixel(y, add, floor, lanes, f32x4.add(madd(two, d, b), bias));
  }
  if (columns > 2) {
    y += pixelBytes;
    const third = madd(four, c, a);
    pixel(y, add, floor, lanes, f32x4.add(size == 3 ? f32x4.add(third, last) : third, bias));
  }
  if (size != 3 && columns > 3) {
    y += pixelBytes;
    pixel(y, add, floor, lanes, f32x4.add(f32x4.add(madd(eight, d, b), last), bias));
  }
}
