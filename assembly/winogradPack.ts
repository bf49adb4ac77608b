// Filters to the form that winograd.ts reads: G g Gᵀ in 64 bits, times the factor of a folded batch norm, rounded once.
import {
  WINOGRAD_PACK_BIAS, WINOGRAD_PACK_C, WINOGRAD_PACK_OC, WINOGRAD_PACK_PACKED, WINOGRAD_PACK_SCALE, WINOGRAD_PACK_SCRATCH,
  WINOGRAD_PACK_SIZE,  WINOGRAD_PACK_WEIGHT,
} from "./generated/records";

/** Two channels of one weight, as doubles. */
// @ts-expect-error: decorator
@inline
function pair(at: usize, two: bool, scale: v128): v128 {
  return f64x2.mul(f64x2.promote_low_f32x4(two ? v128.load64_zero(at) : v128.load32_zero(at)), scale);
}

// @ts-expect-error: decorator
@inline
function emit(to: usize, position: usize, v: v128): void {
  v128.store64_lane(to + (position << 7), f32x4.demote_f64x2_zero(v), 0);
}

/**
 * A panel of 8 output channels: 8 bias values, then all positions of [c rounded up to 4][8]. Four channels at a time are transformed
 * into a worker's scratch memory, [positions][8][4], and turned on their way out: positions lie far apart, so each line is written
 * once.
 */
export function winogradPack(r: usize, panel: i32, worker: i32): void {
  const size = load<i32>(r, WINOGRAD_PACK_SIZE), positions: usize = size == 4 ? 36 : 16;
  const c = load<i32>(r, WINOGRAD_PACK_C), oc = load<i32>(r, WINOGRAD_PACK_OC), k = (c + 3) & ~3;
  const step = (<usize>k) << 5, bias = load<usize>(r, WINOGRAD_PACK_BIAS), scales = load<usize>(r, WINOGRAD_PACK_SCALE);
  let out = load<usize>(r, WINOGRAD_PACK_PACKED) + <usize>panel * (positions * step + 32);
  const scratch = load<usize>(r, WINOGRAD_PACK_SCRATCH) + <usize>worker * (positions << 7);
  const first = panel << 3, count = min(8, oc - first), rowBytes = (<usize>c) << 2, filterBytes: usize = 9 * rowBytes;
  const weight = load<usize>(r, WINOGRAD_PACK_WEIGHT) + <usize>first * filterBytes;
  for (let j = 0; j < 8; j++, out += 4) f32.store(out, bias && j < count ? f32.load(bias + ((first + j) << 2)) : 0);
  memory.fill(scratch, 0, positions << 7);
  for (let ch = 0; ch < c; ch += 4, out += 128) {
    const lanes = min(4, c - ch);
    if (lanes < 4) memory.fill(scratch, 0, positions << 7);
    for (let j = 0; j < count; j++) {
      const from = weight + <usize>j * filterBytes + (<usize>ch << 2), to = scratch + (j << 4);
      const scale = scales ? f64.load(scales + ((first + j) << 3)) : 1;
      if (size == 4) {
        filter4(from, rowBytes, lanes > 1, f64x2.splat(scale), to);
        if (lanes > 2) filter4(from + 8, rowBytes, lanes > 3, f64x2.splat(scale), to + 8);
      } else {
        filter2(from, rowBytes, lanes > 1, f64x2.splat(scale), to);
        if (lanes > 2) filter2(from + 8, rowBytes, lanes > 3, f64x2.splat(scale), to + 8);
      }
    }
    for (let position: usize = 0, from = scratch, to = out; position < positions; position++, from += 128, to += step) {
      turn(from, to);
      turn(from + 64, to + 16);
    }
  }
}

/** Four vectors behind one another, turned, to four places 32 bytes apart. */
// @ts-expect-error: decorator
@inline
function turn(from: usize, to: usize): void {
  const a = v128.load(from), b = v128.load(from, 16), c = v128.load(from, 32), d = v128.load(from, 48);
  const e = v128.shuffle<f32>(a, b, 0, 4, 1, 5), f = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const g = v128.shuffle<f32>(a, b, 2, 6, 3, 7), h = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f64>(e, f, 0, 2));
  v128.store(to, v128.shuffle<f64>(e, f, 1, 3), 32);
  v128.store(to, v128.shuffle<f64>(g, h, 0, 2), 64);
  v128.store(to, v128.shuffle<f64>(g, h, 1, 3), 96);
}

/** 36 results of two channels (`two`: else one) of one filter for F(4x4, 3x3), 128 bytes apart. */
function filter4(at: usize, rowBytes: usize, two: bool, scale: v128, to: usize): void {
  const g00 = pair(at, two, scale), g01 = pair(at + rowBytes, two, scale), g02 = pair(at + 2 * rowBytes, two, scale);
  const g10 = pair(at + 3 * rowBytes, two, scale), g11 = pair(at + 4 * rowBytes, two, scale), g12 = pair(at + 5 * rowBytes, two, scale);
  const g20 = pair(at + 6 * rowBytes, two, scale), g21 = pair(at + 7 * rowBytes, two, scale), g22 = pair(at + 8 * rowBytes, two, scale);
  const sixth = f64x2.splat(1.0 / 6.0), half = f64x2.splat(0.5), quarter = f64x2.splat(0.25), small = f64x2.splat(1.0 / 24.0);
  row(to, 0, f64x2.mul(g00, quarter), f64x2.mul(g01, quarter), f64x2.mul(g02, quarter));
  const a0 = f64x2.mul(f64x2.add(g00, g20), sixth), a1 = f64x2.mul(f64x2.add(g01, g21), sixth);
  const a2 = f64x2.mul(f64x2.add(g02, g22), sixth);
  const b0 = f64x2.mul(g10, sixth), b1 = f64x2.mul(g11, sixth), b2 = f64x2.mul(g12, sixth);
  row(to, 6, f64x2.neg(f64x2.add(a0, b0)), f64x2.neg(f64x2.add(a1, b1)), f64x2.neg(f64x2.add(a2, b2)));
  row(to, 12, f64x2.sub(b0, a0), f64x2.sub(b1, a1), f64x2.sub(b2, a2));
  const e0 = f64x2.add(f64x2.mul(g00, small), f64x2.mul(g20, sixth)), f0 = f64x2.mul(b0, half);
  const e1 = f64x2.add(f64x2.mul(g01, small), f64x2.mul(g21, sixth)), f1 = f64x2.mul(b1, half);
  const e2 = f64x2.add(f64x2.mul(g02, small), f64x2.mul(g22, sixth)), f2 = f64x2.mul(b2, half);
  row(to, 18, f64x2.add(e0, f0), f64x2.add(e1, f1), f64x2.add(e2, f2));
  row(to, 24, f64x2.sub(e0, f0), f64x2.sub(e1, f1), f64x2.sub(e2, f2));
  row(to, 30, g20, g21, g22);
}

/** Six results of G times three values, rounded to 32 bits. */
// @ts-expect-error: decorator
@inline
function row(to: usize, position: usize, g0: v128, g1: v128, g2: v128): void {
  const sixth = f64x2.splat(1.0 / 6.0);
  const a = f64x2.mul(f64x2.add(g0, g2), sixth), b = f64x2.mul(g1, sixth);
  const e = f64x2.add(f64x2.mul(g0, f64x2.splat(1.0 / 24.0)), f64x2.mul(g2, sixth)), f = f64x2.mul(b, f64x2.splat(0.5));
  emit(to, position, f64x2.mul(g0, f64x2.splat(0.25)));
  emit(to, position + 1, f64x2.neg(f64x2.add(a, b)));
  emit(to, position + 2, f64x2.sub(b, a));
  emit(to, position + 3, f64x2.add(e, f));
  emit(to, position + 4, f64x2.sub(e, f));
  emit(to, position + 5, g2);
}

/** 16 results for F(2x2, 3x3), 128 bytes apart. */
function filter2(at: usize, rowBytes: usize, two: bool, scale: v128, to: usize): void {
  const g00 = pair(at, two, scale), g01 = pair(at + rowBytes, two, scale), g02 = pair(at + 2 * rowBytes, two, scale);
  const g10 = pair(at + 3 * rowBytes, two, scale), g11 = pair(at + 4 * rowBytes, two, scale), g12 = pair(at + 5 * rowBytes, two, scale);
  const g20 = pair(at + 6 * rowBytes, two, scale), g21 = pair(at + 7 * rowBytes, two, scale), g22 = pair(at + 8 * rowBytes, two, scale);
  const half = f64x2.splat(0.5);
  row2(to, 0, g00, g01, g02);
  const a0 = f64x2.mul(f64x2.add(g00, g20), half), a1 = f64x2.mul(f64x2.add(g01, g21), half);
  const a2 = f64x2.mul(f64x2.add(g02, g22), half);
  const b0 = f64x2.mul(g10, half), b1 = f64x2.mul(g11, half), b2 = f64x2.mul(g12, half);
  row2(to, 4, f64x2.add(a0, b0), f64x2.add(a1, b1), f64x2.add(a2, b2));
  row2(to, 8, f64x2.sub(a0, b0), f64x2.sub(a1, b1), f64x2.sub(a2, b2));
  row2(to, 12, g20, g21, g22);
}

// @ts-expect-error: decorator
@inline
function row2(to: usize, position: usize, g0: v128, g1: v128, g2: v128): void {
  const half = f64x2.splat(0.5);
  const a = f64x2.mul(f64x2.add(g0, g2), half), b = f64x2.mul(g1, half);
  emit(to, position, g0);
  emit(to, position + 1, f64x2.add(a, b));
  emit(to, position + 2, f64x2.sub(a, b));
  emit(to, position + 3, g2);
}
