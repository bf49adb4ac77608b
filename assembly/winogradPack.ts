// Filters to the form that winograd.ts reads: G g Gᵀ in 64 bits, times the factor of a folded batch norm, rounded once.
import {
  WINOGRAD_PACK_BIAS, WINOGRAD_PACK_C, WINOGRAD_PACK_OC, WINOGRAD_PACK_PACKED, WINOGRAD_PACK_SCALE, WINOGRAD_PACK_SCRATCH,
  WINOGRAD_PACK_SIZE, WINOGRAD_PACK_WEIGHT,
} from "./generated/records";
import { panelsOfSlab, placeOf, SLAB } from "./slabs";
import { turn } from "./turn";
import { packPhases } from "./winogradPhases";
import { hasPhases, positionsOf } from "./winogradSizes";

/** Two channels of one weight, as doubles. */
// @ts-expect-error: decorator
@inline
function pair(at: usize, scale: v128): v128 {
  return f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(at)), scale);
}

// A worker's scratch memory: the factors 1/6, 1/24, 1/2 and 1/4, the result of the first of two transforms, then [positions][8][4].
// @ts-expect-error: decorator
@inline
const HALFWAY: usize = 64;
// @ts-expect-error: decorator
@inline
const TRANSFORMED: usize = 384;

/**
 * A panel of 8 output channels: 8 bias values, all positions of [c][8]. Four channels at a time are transformed
 * into a worker's scratch memory and turned on their way out: positions lie far apart, so each line is written once.
 */
export function winogradPack(r: usize, panel: i32, worker: i32): void {
  const size = load<i32>(r, WINOGRAD_PACK_SIZE);
  if (hasPhases(size)) {
    packPhases(size, r, panel, worker);
    return;
  }
  const positions = positionsOf(4);
  const c = load<i32>(r, WINOGRAD_PACK_C), oc = load<i32>(r, WINOGRAD_PACK_OC);
  const inSlab = panel % SLAB, all = panelsOfSlab(SLAB, (oc + 7) >> 3, panel, inSlab), step = <usize>(c * all) << 5;
  const bias = load<usize>(r, WINOGRAD_PACK_BIAS), scales = load<usize>(r, WINOGRAD_PACK_SCALE);
  const slab = load<usize>(r, WINOGRAD_PACK_PACKED) + <usize>(panel - inSlab) * (positions * <usize>c + 1 << 5), out = slab + (<usize>all << 5);
  const scratch = load<usize>(r, WINOGRAD_PACK_SCRATCH) + <usize>worker * ((positions << 7) + TRANSFORMED), u = scratch + TRANSFORMED;
  const first = panel << 3, count = min(8, oc - first), rowBytes = (<usize>c) << 2, filterBytes: usize = 9 * rowBytes;
  const weight = load<usize>(r, WINOGRAD_PACK_WEIGHT) + <usize>first * filterBytes;
  // Read from memory, factors stay in registers: V8 puts a constant together anew at every use.
  f64.store(scratch, 1.0 / 6.0);
  f64.store(scratch, 1.0 / 24.0, 8);
  f64.store(scratch, 0.5, 16);
  f64.store(scratch, 0.25, 24);
  for (let j = 0; j < 8; j++) f32.store(slab + (<usize>(inSlab * 8 + j) << 2), bias && j < count ? f32.load(bias + ((first + j) << 2)) : 0);
  memory.fill(u, 0, positions << 7);
  for (let ch = 0; ch < c; ch += 4) {
    for (let j = 0; j < count; j++) {
      const scale = f64x2.splat(scales ? f64.load(scales + ((first + j) << 3)) : 1);
      let from = weight + <usize>j * filterBytes + (<usize>ch << 2), to = u + (j << 4);
      for (const end = to + 16; to < end; from += 8, to += 8) {
        filter4(from, rowBytes, scale, scratch, to);
      }
    }
    for (let position: usize = 0, from = u, to = out + placeOf(all, inSlab, 0, c, ch); position < positions; position++, from += 128, to += step) {
      turn(v128.load(from), v128.load(from, 16), v128.load(from, 32), v128.load(from, 48), to);
      turn(v128.load(from, 64), v128.load(from, 80), v128.load(from, 96), v128.load(from, 112), to + 16);
    }
  }
}

/** Stores one result: of the first transform (`step` apart), or of the last, rounded to 32 bits. `last` is a constant. */
// @ts-expect-error: decorator
@inline
function put(last: bool, to: usize, v: v128): void {
  if (last) v128.store64_lane(to, f32x4.demote_f64x2_zero(v), 0);
  else v128.store(to, v);
}

/** Six results of G for F(4x4, 3x3) times three values, `step` bytes apart. */
// @ts-expect-error: decorator
@inline
function six(last: bool, g0: v128, g1: v128, g2: v128, sixth: v128, small: v128, half: v128, quarter: v128, to: usize, step: usize): void {
  put(last, to, f64x2.mul(g0, quarter));
  put(last, to + 5 * step, g2);
  const a = f64x2.mul(f64x2.add(g0, g2), sixth), b = f64x2.mul(g1, sixth);
  put(last, to + step, f64x2.neg(f64x2.add(a, b)));
  put(last, to + 2 * step, f64x2.sub(b, a));
  const e = f64x2.add(f64x2.mul(g0, small), f64x2.mul(g2, sixth)), f = f64x2.mul(b, half);
  put(last, to + 3 * step, f64x2.add(e, f));
  put(last, to + 4 * step, f64x2.sub(e, f));
}

/** 36 results of two channels of one filter for F(4x4, 3x3), 128 bytes apart. */
function filter4(at: usize, rowBytes: usize, scale: v128, scratch: usize, to: usize): void {
  const sixth = v128.load64_splat(scratch), small = v128.load64_splat(scratch, 8);
  const half = v128.load64_splat(scratch, 16), quarter = v128.load64_splat(scratch, 24);
  const t = scratch + HALFWAY, down: usize = 3 * rowBytes;
  for (let column: usize = 0; column < 48; column += 16, at += rowBytes) {
    six(false, pair(at, scale), pair(at + down, scale), pair(at + 2 * down, scale), sixth, small, half, quarter, t + column, 48);
  }
  for (let row: usize = 0; row < 288; row += 48, to += 768) {
    six(true, v128.load(t + row), v128.load(t + row, 16), v128.load(t + row, 32), sixth, small, half, quarter, to, 128);
  }
}
