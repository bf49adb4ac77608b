// The transforms of F(4x4, 3x3), four channels at a time.
import { madd, nmadd } from "./simd";
import { wholeOnly } from "./winogradBorder";
import { pixel } from "./pixel";

/** Where 2, 4 and 5 lie in a worker's scratch memory: V8 puts a constant together anew at every use, what was loaded stays in a register. */
// @ts-expect-error: decorator
@inline
export const FACTORS: usize = 720;

export function storeFactors(s: usize): void {
  v128.store(s, f32x4.splat(2), FACTORS);
  v128.store(s, f32x4.splat(4), FACTORS + 16);
  v128.store(s, f32x4.splat(5), FACTORS + 32);
}

/** Bᵀd of six vectors `step` bytes apart, stored `out` bytes apart: points 2 and -2 from `far` on, the others from `to` on. */
// @ts-expect-error: decorator
@inline
export function inputColumn(
  d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, far: usize, step: usize, two: v128, four: v128, five: v128,
): void {
  v128.store(to, madd(four, d0, nmadd(five, d2, d4)));
  const a = nmadd(four, d2, d4), b = nmadd(four, d1, d3);
  v128.store(to + step, f32x4.add(a, b));
  v128.store(to + 2 * step, f32x4.sub(a, b));
  const e = f32x4.sub(d4, d2), f = f32x4.sub(d3, d1);
  v128.store(far + 3 * step, madd(two, f, e));
  v128.store(far + 4 * step, nmadd(two, f, e));
  v128.store(to + 5 * step, madd(four, d1, nmadd(five, d3, d5)));
}

/** The same of half a tile: F(2, 3)'s times 4, -3, -3, 1, which the filters of F(4, 3) have less. */
// @ts-expect-error: decorator
@inline
function halfColumn(d0: v128, d1: v128, d2: v128, d3: v128, to: usize, step: usize, four: v128): void {
  const three = f32x4.splat(3);
  v128.store(to, f32x4.mul(four, f32x4.sub(d0, d2)));
  v128.store(to + step, f32x4.mul(three, f32x4.neg(f32x4.add(d1, d2))));
  v128.store(to + 2 * step, f32x4.mul(three, f32x4.sub(d1, d2)));
  v128.store(to + 5 * step, f32x4.sub(d3, d1));
}

/**
 * Four channels of an input tile, whose pixels `p` points at, to V: rows of six vectors `step` bytes apart. By class (winogradBorder.ts) from `to`,
 * `far` (columns of points 2 and -2), `low` and `lowFar` on: rows of points 2 and -2 where tiles at the bottom are halves (`bottom`), else the last.
 */
// @ts-expect-error: decorator
@inline
export function inputTile4(
  p: usize, s: usize, offset: usize, to: usize, far: usize, low: usize, lowFar: usize, step: usize,
  bottom: bool, atBottom: bool, halfRight: bool,
): void {
  const two = v128.load(s, FACTORS), four = v128.load(s, FACTORS + 16), five = v128.load(s, FACTORS + 32);
  let t = s;
  for (const end = t + (halfRight ? 64 : 96); t < end; p += 4, t += 16) {
    const d0 = v128.load(load<usize>(p) + offset), d1 = v128.load(load<usize>(p, 24) + offset);
    const d2 = v128.load(load<usize>(p, 48) + offset), d3 = v128.load(load<usize>(p, 72) + offset);
    if (bottom && atBottom) halfColumn(d0, d1, d2, d3, t, 96, four);
    else inputColumn(d0, d1, d2, d3, v128.load(load<usize>(p, 96) + offset), v128.load(load<usize>(p, 120) + offset), t, t, 96, two, four, five);
  }
  t = s;
  for (let i = 0, row: usize = 0; i < 6; i++, t += 96, row += 6 * step) {
    const lower = bottom ? wholeOnly(4, i) : i == 5;
    if (lower && atBottom) continue;
    const near = (lower ? low : to) + row;
    const d0 = v128.load(t), d1 = v128.load(t, 16), d2 = v128.load(t, 32), d3 = v128.load(t, 48);
    if (halfRight) halfColumn(d0, d1, d2, d3, near, step, four);
    else inputColumn(d0, d1, d2, d3, v128.load(t, 64), v128.load(t, 80), near, (lower ? lowFar : far) + row, step, two, four, five);
  }
}

/**
 * Aᵀm of `count` columns of a tile of M, four channels of [points][points][8], to rows of six vectors. `size`, a constant: 4, F(4, 3), four results
 * of six; 3, F(3, 4), three of six; 5, F(4, 2), four of five. They differ in which points there are and in the one result that has a part at infinity. The
 * rows that tiles at the bottom do not have lie at `low`: `bottom`, those of half a tile, else infinity.
 */
// @ts-expect-error: decorator
@inline
export function columnsOf(size: i32, m: usize, low: usize, bottom: bool, half: bool, to: usize, count: i32, s: usize): void {
  const two = v128.load(s, FACTORS), four = v128.load(s, FACTORS + 16), eight = f32x4.add(four, four), zero = f32x4.splat(0);
  let middle = bottom ? low : m, end = bottom ? m : low;
  for (const stop = to + (<usize>count << 4); to < stop; to += 16, m += 32, middle += 32, end += 32) {
    const m1 = size == 5 ? v128.load(m, 160) : v128.load(m, 192), last = size == 5 ? v128.load(end, 640) : v128.load(end, 960);
    let m2 = size == 5 ? zero : v128.load(m, 384), c = zero, d = zero;
    if (!half) {
      if (size == 5) {
        m2 = v128.load(middle, 320);
        c = d = v128.load(middle, 480);
      } else {
        const m3 = v128.load(middle, 576), m4 = v128.load(middle, 768);
        d = f32x4.sub(m3, m4);
        c = f32x4.add(m3, m4);
      }
    }
    const a = f32x4.add(m1, m2), b = f32x4.sub(m1, m2);
    v128.store(to, f32x4.add(f32x4.add(v128.load(m), a), c));
    v128.store(to, madd(two, d, b), 96);
    const third = madd(four, c, a);
    v128.store(to, size == 3 ? f32x4.add(third, last) : third, 192);
    if (size != 3) v128.store(to, f32x4.add(madd(eight, d, b), last), 288);
  }
}

export function columns4(m: usize, low: usize, bottom: bool, half: bool, to: usize, count: i32, s: usize): void {
  columnsOf(4, m, low, bottom, half, to, count, s);
}

export function columns5(m: usize, low: usize, bottom: bool, half: bool, to: usize, count: i32, s: usize): void {
  columnsOf(5, m, low, bottom, half, to, count, s);
}

/**
 * The same of a row, to at most four pixels (`size` 3: three): plus bias, plus the value `add` bytes further (unless 0), not below
 * `floor`. `half`: of four pixels the first and the last.
 */
// @ts-expect-error: decorator
@inline
export function row4(
  size: i32, t: usize, bias: v128, y: usize, add: usize, floor: v128, lanes: i32, columns: i32, half: bool, pixelBytes: usize, two: v128,
  four: v128, eight: v128,
): void {
  const m1 = v128.load(t, 16), m2 = v128.load(t, 32), m3 = v128.load(t, 48);
  const a = f32x4.add(m1, m2), b = f32x4.sub(m1, m2);
  const m4 = v128.load(t, 64), last = size == 5 ? m4 : v128.load(t, 80);
  const c = size == 5 ? m3 : f32x4.add(m3, m4), d = size == 5 ? m3 : f32x4.sub(m3, m4);
  pixel(y, add, floor, lanes, f32x4.add(f32x4.add(f32x4.add(v128.load(t), a), c), bias));
  if (columns > 1 && !half) {
    y += pixelBytes;
    pixel(y, add, floor, lanes, f32x4.add(madd(two, d, b), bias));
  }
  if (columns > 2) {
    y += pixelBytes;
    const third = madd(four, c, a);
    pixel(y, add, floor, lanes, f32x4.add(size == 3 ? f32x4.add(third, last) : third, bias));
  }
  if (size != 3 && (half || columns > 3)) {
    y += pixelBytes;
    pixel(y, add, floor, lanes, f32x4.add(f32x4.add(madd(eight, d, b), last), bias));
  }
}
