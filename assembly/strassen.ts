// A 1x1 convolution as a product by one step of Strassen's method (1969) in Winograd's form: seven products of half the size instead of
// eight, fifteen sums instead of eighteen. A is cut into pairs of pixels of a picture, and of eight channels of k the first and the last
// four; B (weights) the same way by k, and of sixteen output channels the first and the last eight:
//
//   S1 = A21 + A22   S2 = S1 - A11   S3 = A11 - A21   S4 = A12 - S2
//   T1 = B12 - B11   T2 = B22 - T1   T3 = B22 - B12   T4 = T2 - B21
//
// The positions of V and U are A11 B11, A12 B21, S4 B22, A22 T4, S1 T1, S2 T2 and S3 T3. A block of pairs is one unit of work, as a
// block of tiles is in winograd.ts: its sums go to V, all products to M, and sums of those, bias, residual and ReLU make pixels.
import {
  STRASSEN_BLOCK_PAIRS, STRASSEN_BLOCKS, STRASSEN_C, STRASSEN_FUSED, STRASSEN_IMAGE_STEP, STRASSEN_OC, STRASSEN_OW, STRASSEN_PACK_BIAS,
  STRASSEN_PACK_C, STRASSEN_PACK_OC, STRASSEN_PACK_PACKED, STRASSEN_PACK_SCALE, STRASSEN_PACK_WEIGHT, STRASSEN_PAIRS,
  STRASSEN_PANELS_PER_TILE, STRASSEN_PIXEL_STEP, STRASSEN_PIXELS, STRASSEN_POSITION_STEP, STRASSEN_RELU, STRASSEN_RESIDUAL,
  STRASSEN_ROW_STEP, STRASSEN_SCRATCH, STRASSEN_SCRATCH_STEP, STRASSEN_U, STRASSEN_V, STRASSEN_V_STEP, STRASSEN_X, STRASSEN_Y,
} from "./generated/records";
import { groupRows, product } from "./groups";
import { pixel } from "./pixel";
import { panelsOfSlab, placeOf } from "./slabs";

// @ts-expect-error: decorator
@inline
const POSITIONS = 7;
/** Panels of a slab (slabs.ts): more than elsewhere, as long lines of all output channels are written at once (bench/lab/README.md, Strassen's step). */
// @ts-expect-error: decorator
@inline
const SLAB = 32;

/** Which pixel of all a pair begins with. Pairs never leave their picture: its bits must not depend on what else is in a batch. */
// @ts-expect-error: decorator
@inline
function firstOf(r: usize, pair: i32): i32 {
  const pixels = load<i32>(r, STRASSEN_PIXELS), n = pair / ((pixels + 1) >> 1);
  return (pair << 1) - (pixels & 1 ? n : 0);
}

/** Where an output pixel's input lies. */
function inputOf(r: usize, q: i32): usize {
  const pixels = load<i32>(r, STRASSEN_PIXELS), ow = load<i32>(r, STRASSEN_OW), n = q / pixels, inside = q - n * pixels, oy = inside / ow;
  return load<usize>(r, STRASSEN_X) + <usize>n * load<usize>(r, STRASSEN_IMAGE_STEP) + <usize>oy * load<usize>(r, STRASSEN_ROW_STEP)
    + <usize>(inside - oy * ow) * load<usize>(r, STRASSEN_PIXEL_STEP);
}

/** Whether a pair is a picture's last pixel alone. */
// @ts-expect-error: decorator
@inline
function alone(r: usize, q: i32): bool {
  return (q + 1) % load<i32>(r, STRASSEN_PIXELS) == 0;
}

/** V of a block: for each position, groups of rows (pairs), within a group [c / 8][rows][4]. `s`: scratch memory for addresses. */
function transform(r: usize, block: i32, v: usize, s: usize): void {
  const half = (<usize>load<i32>(r, STRASSEN_C)) << 1, step = load<usize>(r, STRASSEN_POSITION_STEP);
  const most = load<i32>(r, STRASSEN_BLOCK_PAIRS), first = block * most, count = min(most, load<i32>(r, STRASSEN_PAIRS) - first);
  for (let start = 0, rows = 0; start < count; start += rows, v += <usize>rows * half) {
    rows = groupRows(count - start);
    const own = <usize>min(rows, count - start) << 3, row = <usize>rows << 4;
    for (let t: usize = 0, pair = first + start; t < own; t += 8, pair++) {
      const q = firstOf(r, pair), one = inputOf(r, q);
      store<usize>(s + t, one);
      store<usize>(s + t, alone(r, q) ? 0 : inputOf(r, q + 1) - one, 4);
    }
    // A few channels of all rows at a time: what is written stays in the first-level cache until its lines are full.
    for (let offset: usize = 0; offset < half; offset += 64) {
      const bytes = min(64, half - offset) << 1;
      for (let t: usize = 0; t < own; t += 8) {
        const one = load<usize>(s + t) + (offset << 1), two = load<usize>(s + t, 4);
        let to = v + (t << 1) + (offset >> 4) * row;
        for (let a = one, end = one + bytes; a < end; a += 32, to += row) {
          const a11 = v128.load(a), a12 = v128.load(a, 16), a21 = v128.load(a + two), a22 = v128.load(a + two, 16);
          const s1 = f32x4.add(a21, a22), s2 = f32x4.sub(s1, a11);
          let at = to;
          v128.store(at, a11); at += step;
          v128.store(at, a12); at += step;
          v128.store(at, f32x4.sub(a12, s2)); at += step;
          v128.store(at, a22); at += step;
          v128.store(at, s1); at += step;
          v128.store(at, s2); at += step;
          v128.store(at, f32x4.sub(a11, a21));
        }
      }
    }
  }
}

/** Only the sums of a block, where the panels of few blocks are shared out among the workers. */
export function strassenInput(r: usize, block: i32, worker: i32): void {
  const s = load<usize>(r, STRASSEN_SCRATCH) + <usize>worker * load<usize>(r, STRASSEN_SCRATCH_STEP);
  transform(r, block, load<usize>(r, STRASSEN_V) + <usize>block * load<usize>(r, STRASSEN_V_STEP), s);
}

/** Output pixels of a block for some panels. `fused`: the sums are made here, in memory of the worker's own. M is [positions][panels][pairs][8]. */
export function strassen(r: usize, tile: i32, worker: i32): void {
  const blocks = load<i32>(r, STRASSEN_BLOCKS), part = tile / blocks, block = tile - part * blocks;
  const m = load<usize>(r, STRASSEN_SCRATCH) + <usize>worker * load<usize>(r, STRASSEN_SCRATCH_STEP);
  const fused = load<i32>(r, STRASSEN_FUSED) != 0, vStep = load<usize>(r, STRASSEN_POSITION_STEP);
  const v = load<usize>(r, STRASSEN_V) + <usize>(fused ? worker : block) * load<usize>(r, STRASSEN_V_STEP);
  if (fused) transform(r, block, v, m);
  const half = (<usize>load<i32>(r, STRASSEN_C)) << 1, most = load<i32>(r, STRASSEN_BLOCK_PAIRS), first = block * most;
  const count = min(most, load<i32>(r, STRASSEN_PAIRS) - first), step = <usize>(most + 3) << 5;
  const panels = load<i32>(r, STRASSEN_OC) >> 4, perTile = load<i32>(r, STRASSEN_PANELS_PER_TILE), end = min((part + 1) * perTile, panels);
  const biases = load<usize>(r, STRASSEN_U), weights = biases + (<usize>panels << 6);
  // Lines of the residual are touched, a seventh at each position, so that they come from memory while others are multiplied: 128 to 512 at 28x28 2.07 to 2.02 ms.
  const bytes = <usize>panels << 6, residual = load<usize>(r, STRASSEN_RESIDUAL);
  // Pictures of a few pixels have fewer than two for each pair: then lines behind the residual are touched, less than 64 KB, which lie in memory (allocator.ts).
  const share = residual && panels <= SLAB ? ((<usize>(2 * count - 1) * bytes) / POSITIONS) & ~63 : 0;
  let ahead = residual + <usize>firstOf(r, first) * bytes;
  for (let panel = part * perTile, some = 0; panel < end; panel += some) {
    const inSlab = panel % SLAB, all = panelsOfSlab(SLAB, panels, panel, inSlab);
    some = min(all - inSlab, end - panel);
    let a = v, u = weights + <usize>((panel - inSlab) * POSITIONS) * (half << 3), to = m;
    for (let i = 0; i < POSITIONS; i++, a += vStep, to += <usize>some * step) {
      for (const stop = ahead + share; ahead < stop; ahead += 64) load<i32>(ahead);
      u = product(a, half, count, u, all, inSlab, some, half, to, 32, step);
    }
    output(r, first, count, panel, some, biases, m, step);
  }
}

/** All pixels of a block for some panels: a pixel's line is written from one end to the other. */
function output(r: usize, first: i32, count: i32, panel: i32, panels: i32, biases: usize, m: usize, step: usize): void {
  const bytes = (<usize>load<i32>(r, STRASSEN_OC)) << 2, position = <usize>panels * step;
  const y = load<usize>(r, STRASSEN_Y), residual = load<usize>(r, STRASSEN_RESIDUAL), add = residual ? residual - y : 0;
  const floor = f32x4.splat(load<i32>(r, STRASSEN_RELU) ? 0 : -Infinity);
  biases += <usize>panel << 6;
  for (let t = 0; t < count; t++, m += 32) {
    const q = firstOf(r, first + t), both = !alone(r, q);
    const to = y + <usize>q * bytes + (<usize>panel << 6);
    for (let j: usize = 0, from = m; j < <usize>panels << 6; j += 64, from += step) {
      for (let half: usize = 0; half < 32; half += 16) {
        const one = to + j + half, two = one + bytes, low = v128.load(biases + j + half), high = v128.load(biases + j + half, 32);
        let at = from + half;
        const p1 = v128.load(at); at += position;
        const p2 = v128.load(at); at += position;
        const p3 = v128.load(at); at += position;
        const p4 = v128.load(at); at += position;
        const p5 = v128.load(at); at += position;
        const u2 = f32x4.add(p1, v128.load(at)); at += position;
        const u3 = f32x4.add(u2, v128.load(at));
        pixel(one, add, floor, 4, f32x4.add(f32x4.add(p1, p2), low));
        pixel(one + 32, add, floor, 4, f32x4.add(f32x4.add(f32x4.add(u2, p5), p3), high));
        if (!both) continue;
        pixel(two, add, floor, 4, f32x4.add(f32x4.sub(u3, p4), low));
        pixel(two + 32, add, floor, 4, f32x4.add(f32x4.add(u3, p5), high));
      }
    }
  }
}

/** Two weights in 64 bits, times the factor of a folded batch norm. */
// @ts-expect-error: decorator
@inline
function two(at: usize, scale: v128): v128 {
  return f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(at)), scale);
}

/** Two results, rounded once, to two rows of a panel. */
// @ts-expect-error: decorator
@inline
function put(to: usize, v: v128): void {
  const rounded = f32x4.demote_f64x2_zero(v);
  v128.store32_lane(to, rounded, 0);
  v128.store32_lane(to, rounded, 1, 32);
}

/** All biases, then weights by slabs (slabs.ts), k of a position c / 2; a tile is a panel at all positions. */
export function strassenPack(r: usize, panel: i32): void {
  const c = load<i32>(r, STRASSEN_PACK_C), oc = load<i32>(r, STRASSEN_PACK_OC), rowBytes = <usize>c << 2, half = c >> 1;
  const bias = load<usize>(r, STRASSEN_PACK_BIAS), scales = load<usize>(r, STRASSEN_PACK_SCALE), packed = load<usize>(r, STRASSEN_PACK_PACKED);
  const weight = load<usize>(r, STRASSEN_PACK_WEIGHT) + <usize>panel * (rowBytes << 4);
  for (let n = panel << 4; n < (panel + 1) << 4; n++) f32.store(packed + (n << 2), bias ? f32.load(bias + (n << 2)) : 0);
  const inSlab = panel % SLAB, all = panelsOfSlab(SLAB, oc >> 4, panel, inSlab), step = <usize>(half * all) << 5;
  const slab = packed + (<usize>oc << 2) + <usize>((panel - inSlab) * POSITIONS * half << 5);
  for (let index = 0; index < half; index += 2) {
    let at11 = weight + (<usize>(index + (index & ~3)) << 2), scale = scales + (<usize>panel << 7);
    const out = slab + placeOf(all, inSlab, 0, half, index);
    for (let to = out; to < out + 32; to += 4, at11 += rowBytes, scale += 8) {
      const low = f64x2.splat(scales ? f64.load(scale) : 1), high = f64x2.splat(scales ? f64.load(scale, 64) : 1), at12 = at11 + (rowBytes << 3);
      const b11 = two(at11, low), b21 = two(at11 + 16, low), b12 = two(at12, high), b22 = two(at12 + 16, high);
      const t1 = f64x2.sub(b12, b11), t2 = f64x2.sub(b22, t1);
      let at = to;
      put(at, b11); at += step;
      put(at, b21); at += step;
      put(at, b22); at += step;
      put(at, f64x2.sub(t2, b21)); at += step;
      put(at, t1); at += step;
      put(at, t2); at += step;
      put(at, f64x2.sub(b22, b12));
    }
  }
}
