// Convolutions of stride 2 by Winograd's method. Of the odd and the even rows and columns each, four phases, the filter sees every second
// tap: a phase is a convolution of stride 1, and all four add up to the output. Two cases, by the word `size` of the record:
//
//   3: 7x7 on three channels (the first layer of ResNets on photographs). Phases have 4 or 3 taps a side, a tile 3x3 outputs: F(3, 4) takes the same
//      six points as F(4, 3) in winograd4.ts, and three taps need no point at infinity: 121 products for 9 outputs instead of 441.
//   5: 3x3 on channels in fours. Phases have 2 taps or 1, a tile 4x4 outputs: F(4, 2) takes the points 0, 1, -1, 2 and infinity, one tap
//      no infinity: 81 products for 16 outputs instead of 144.
//
// Order of k at a position: the phases that take part in it (odd rows and columns; even rows; even columns; both even), all channels each.
import {
  WINOGRAD_BLOCK_TILES, WINOGRAD_C, WINOGRAD_H, WINOGRAD_OH, WINOGRAD_PAD_H, WINOGRAD_PAD_W, WINOGRAD_PACK_BIAS, WINOGRAD_PACK_C, WINOGRAD_PACK_OC,
  WINOGRAD_PACK_PACKED, WINOGRAD_PACK_SCALE, WINOGRAD_PACK_SCRATCH, WINOGRAD_PACK_WEIGHT, WINOGRAD_POSITION_STEP, WINOGRAD_SIZE,
  WINOGRAD_TILES, WINOGRAD_TILES_X, WINOGRAD_TILES_Y, WINOGRAD_W, WINOGRAD_X,
} from "./generated/records";
import { loadLanes, madd, nmadd } from "./simd";
import { inputColumn } from "./winograd4";
import { halfAtBottom, halfAtRight, startPlaces, stepPlaces, wholeOnly } from "./winogradBorder";
import { panelsOfSlab, placeOf, SLAB } from "./slabs";
import { lastPoint, sideOf } from "./winogradSizes";

// A worker's scratch memory: a tile of pixels, 11x11 or 9x9, and one row that nobody reads; then four phases of 36 vectors.
// @ts-expect-error: decorator
@inline
const TRANSFORMED: usize = 12 * 11 * 16;
// @ts-expect-error: decorator
@inline
const PHASE: usize = 36 * 16;
/** Places in V: winogradBorder.ts. */
// @ts-expect-error: decorator
@inline
const PLACES: usize = TRANSFORMED + 4 * PHASE;
/** Bytes of scratch memory in all; M lies behind. */
// @ts-expect-error: decorator
@inline
export const PHASES_END: usize = PLACES + 64;

/** Bytes of k at position (i, j): even rows have no part in the last row (infinity), even columns none in the last column. */
// @ts-expect-error: decorator
@inline
export function phaseBytes(size: i32, c: i32, i: i32, j: i32): usize {
  const last = lastPoint(size), phases = (i < last ? 2 : 1) * (j < last ? 2 : 1);
  return (<usize>(phases * c + 3) & ~3) << 2;
}

/** Bytes of a panel: 8 biases, and k of all positions. */
// @ts-expect-error: decorator
@inline
export function phasesPanel(size: i32, c: i32): usize {
  return <usize>(size == 3 ? 25 * 12 + 10 * 8 + 4 + 1 : 81 * c + 1) << 5;
}

/**
 * Four channels of the pixels of an input tile, one vector each, zeros outside the picture. The last lane of three channels is
 * whatever lies behind the pixel.
 */
function gather(r: usize, tile: i32, edge: i32, offset: usize, to: usize): void {
  const tilesX = load<i32>(r, WINOGRAD_TILES_X), tilesY = load<i32>(r, WINOGRAD_TILES_Y), all = load<i32>(r, WINOGRAD_TILES);
  const h = load<i32>(r, WINOGRAD_H), w = load<i32>(r, WINOGRAD_W), c = load<i32>(r, WINOGRAD_C), pixel = <usize>c << 2;
  const row = tile / tilesX, tx = tile - row * tilesX, n = row / tilesY, ty = row - n * tilesY;
  const step = 2 * sideOf(load<i32>(r, WINOGRAD_SIZE));
  const y0 = ty * step - load<i32>(r, WINOGRAD_PAD_H), x0 = tx * step - load<i32>(r, WINOGRAD_PAD_W);
  const x = load<usize>(r, WINOGRAD_X) + offset, zero = f32x4.splat(0);
  // Behind the last pixel of all there may be no memory.
  const last = c == 3 ? x + <usize>(all / (tilesX * tilesY) * h * w - 1) * 12 : 0;
  for (let i = y0; i < y0 + edge; i++) {
    const inside = <u32>i < <u32>h;
    let at = x + <usize>((n * h + i) * w + x0) * pixel;
    if (inside && x0 >= 0 && x0 + edge < w) {
      for (const end = at + <usize>edge * pixel; at < end; at += pixel, to += 16) v128.store(to, v128.load(at));
      continue;
    }
    for (let j = x0; j < x0 + edge; j++, at += pixel, to += 16) {
      if (!inside || <u32>j >= <u32>w) v128.store(to, zero);
      else if (at == last) v128.store(to, loadLanes(at, 3));
      else v128.store(to, v128.load(at));
    }
  }
}

/**
 * Bᵀd of the vectors of a phase, `step` bytes apart, to `toStep` bytes apart (points -1 and 2 of size 5 from `far` on); an even phase has one less.
 * `half`: of half a tile. `size` and `even` are constants.
 */
// @ts-expect-error: decorator
@inline
function points(size: i32, even: bool, half: bool, from: usize, step: usize, to: usize, far: usize, toStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step), two = f32x4.splat(2);
  if (size == 5 && half) {
    // F(2, 2)'s times 2, -2 and 1, which the filters of F(4, 2) have less.
    v128.store(to, f32x4.mul(two, f32x4.sub(d0, d1)));
    v128.store(to + toStep, f32x4.mul(two, f32x4.neg(d1)));
    if (!even) v128.store(to + 4 * toStep, f32x4.sub(d2, d1));
    return;
  }
  const d3 = v128.load(from + 3 * step), d4 = v128.load(from + 4 * step);
  if (size == 3) {
    inputColumn(d0, d1, d2, d3, d4, v128.load(from + 5 * step), to, to, toStep, two, f32x4.splat(4), f32x4.splat(5));
    return;
  }
  const t = f32x4.sub(d3, d1);
  v128.store(to, madd(two, f32x4.sub(d0, d2), t));
  v128.store(to + toStep, f32x4.sub(t, f32x4.add(d1, d2)));
  v128.store(far + 2 * toStep, madd(f32x4.splat(3), f32x4.sub(d1, d2), t));
  v128.store(far + 3 * toStep, t);
  if (!even) v128.store(to + 4 * toStep, nmadd(two, t, f32x4.sub(d4, d2)));
}

/** V of a block: for each position, groups of rows (tiles that have it), within a group [k / 4][rows][4]. `size` is a constant. */
// @ts-expect-error: decorator
@inline
export function transformPhases(size: i32, r: usize, block: i32, s: usize, v: usize): void {
  const c = load<i32>(r, WINOGRAD_C), last = lastPoint(size), edge = 2 * last + 1;
  const step = load<usize>(r, WINOGRAD_POSITION_STEP), side = <usize>edge << 4, rowOfV = phaseBytes(size, c, 0, 0);
  const quads = <usize>c >> 2, first = block * load<i32>(r, WINOGRAD_BLOCK_TILES);
  const end = min(first + load<i32>(r, WINOGRAD_BLOCK_TILES), load<i32>(r, WINOGRAD_TILES));
  const tilesX = load<i32>(r, WINOGRAD_TILES_X), tilesY = load<i32>(r, WINOGRAD_TILES_Y);
  const right = halfAtRight(size, r), bottom = halfAtBottom(size, r), cut = load<i32>(r, WINOGRAD_OH) % sideOf(size) != 0;
  const places = s + PLACES;
  startPlaces(r, size, places, v, first, end);
  for (let tile = first; tile < end; tile++) {
    const line = tile / tilesX, atRight = right && tile - line * tilesX == tilesX - 1, atBottom = cut && line % tilesY == tilesY - 1;
    for (let quad: usize = 0; quad == 0 || quad < quads; quad++) {
      gather(r, tile, edge, quad << 4, s);
      // In place: what comes of odd rows lies in rows 0, 2, 4, ..., of even ones between them.
      for (let column = s; column < s + side; column += 16) {
        points(size, false, bottom && atBottom, column, 2 * side, column, column, 2 * side);
        points(size, true, bottom && atBottom, column + side, 2 * side, column + side, column + side, 2 * side);
      }
      for (let i = 0, row = s; i <= last; i++, row += 2 * side) {
        const lower = bottom ? wholeOnly(size, i) : i == last;
        if (lower && atBottom) continue;
        const place = places + (lower ? 32 : 0), whole = size != 3, next: usize = whole ? step : 16, at = <usize>i * <usize>(last + 1) * next;
        // Bytes of a phase; where even rows have no part, even columns take the place of the second phase.
        const phase = whole ? quads * load<usize>(place, 4) : PHASE, farPhase = whole ? quads * load<usize>(place, 20) : PHASE;
        const to = at + (whole ? load<usize>(place) + quad * load<usize>(place, 4) : s + TRANSFORMED);
        const far = at + (whole ? load<usize>(place, 16) + quad * load<usize>(place, 20) : s + TRANSFORMED);
        const columns: usize = whole && i == last ? 1 : 2;
        points(size, false, atRight, row, 32, to, far, next);
        points(size, true, atRight, row + 16, 32, to + columns * phase, far + columns * farPhase, next);
        if (i == last) continue;
        points(size, false, atRight, row + side, 32, to + phase, far + farPhase, next);
        points(size, true, atRight, row + side + 16, 32, to + 3 * phase, far + 3 * farPhase, next);
      }
    }
    if (size == 3) join(s + TRANSFORMED, places, step, atBottom);
    stepPlaces(places, rowOfV, atRight, atBottom);
  }
}

/** Three channels of each phase, without gaps; the last row of points has a place of its own. */
function join(p: usize, places: usize, step: usize, atBottom: bool): void {
  const zero = f32x4.splat(0);
  let to = load<usize>(places), lines = load<usize>(places, 4);
  for (let i = 0; i < 6; i++) {
    if (i == 5) {
      if (atBottom) return;
      to += load<usize>(places, 32) - load<usize>(places);
      lines = load<usize>(places, 36);
    }
    for (let j = 0; j < 6; j++, p += 16, to += step) {
      const a = v128.load(p);
      if (i == 5 && j == 5) {
        v128.store(to, f32x4.replace_lane(a, 3, 0));
        continue;
      }
      const b = i == 5 ? v128.load(p, 2 * PHASE) : v128.load(p, PHASE);
      v128.store(to, v128.shuffle<f32>(a, b, 0, 1, 2, 4));
      if (i == 5 || j == 5) {
        v128.store(to + lines, v128.shuffle<f32>(b, zero, 1, 2, 4, 5));
        continue;
      }
      const c = v128.load(p, 2 * PHASE), d = v128.load(p, 3 * PHASE);
      v128.store(to + lines, v128.shuffle<f32>(b, c, 1, 2, 4, 5));
      v128.store(to + 2 * lines, v128.shuffle<f32>(c, d, 2, 4, 5, 6));
    }
  }
}

/**
 * The matrix that takes taps (4 or 2) to points, by rows, as doubles: powers of the point over the product of its differences to the other
 * points. 0, 1, -1, 2 for both, and -2 for four taps.
 */
function filterMatrix(size: i32, to: usize): void {
  const taps = size == 3 ? 4 : 2, last = lastPoint(size);
  for (let i = 0; i <= last; i++) {
    const x: f64 = i == 4 ? -2 : i == 3 ? 2 : i == 2 ? -1 : i;
    let product: f64 = 1;
    for (let j = 0; j < last; j++) if (j != i) product *= x - <f64>(j == 4 ? -2 : j == 3 ? 2 : j == 2 ? -1 : j);
    let power: f64 = 1;
    for (let tap = 0; tap < taps; tap++, to += 8, power *= x) f64.store(to, i == last ? (tap == taps - 1 ? 1 : 0) : power / product);
  }
}

/** A panel of 8 output channels: 8 bias values, all positions of [k][8]. In 64 bits, times the factor of a folded batch norm, rounded once. */
export function packPhases(size: i32, r: usize, panel: i32, worker: i32): void {
  const c = load<i32>(r, WINOGRAD_PACK_C), oc = load<i32>(r, WINOGRAD_PACK_OC), first = panel << 3, count = min(8, oc - first);
  const bias = load<usize>(r, WINOGRAD_PACK_BIAS), scales = load<usize>(r, WINOGRAD_PACK_SCALE);
  const inSlab = panel % SLAB, all = panelsOfSlab(SLAB, (oc + 7) >> 3, panel, inSlab);
  // 6 x 4 doubles for the matrix and as many for a filter on its way.
  const matrix = load<usize>(r, WINOGRAD_PACK_SCRATCH) + <usize>worker * 384, side: usize = size == 3 ? 7 : 3, pixel = <usize>c << 2;
  const slab = load<usize>(r, WINOGRAD_PACK_PACKED) + <usize>(panel - inSlab) * phasesPanel(size, c), out = slab + (<usize>all << 5);
  filterMatrix(size, matrix);
  for (let j = 0; j < 8; j++) f32.store(slab + (<usize>(inSlab * 8 + j) << 2), bias && j < count ? f32.load(bias + ((first + j) << 2)) : 0);
  for (let channel = 0; channel < c; channel++) {
    for (let j = 0; j < count; j++) {
      const weight = load<usize>(r, WINOGRAD_PACK_WEIGHT) + <usize>(first + j) * side * side * pixel + (<usize>channel << 2);
      const scale = scales ? f64.load(scales + ((first + j) << 3)) : 1;
      for (let phase = 0; phase < 4; phase++) packPhase(size, c, weight, side, scale, phase, channel, out + (<usize>j << 2), all, inSlab, matrix);
    }
  }
}

/** One phase of one filter; phase 1: even rows, 2: even columns, 3: both. */
function packPhase(
  size: i32, c: i32, weight: usize, side: usize, scale: f64, phase: i32, channel: i32, to: usize, all: i32, inSlab: i32, matrix: usize,
): void {
  const evenRows = phase & 1, evenColumns = phase >> 1, last = lastPoint(size), taps = size == 3 ? 4 : 2;
  const rows = last + 1 - evenRows, columns = last + 1 - evenColumns, half = matrix + 192, pixel = <usize>c << 2;
  for (let i = 0; i < rows; i++) {
    for (let b = 0; b < taps - evenColumns; b++) {
      let sum: f64 = 0;
      for (let a = 0; a < taps - evenRows; a++) {
        const tap = weight + (<usize>(2 * a + evenRows) * side + <usize>(2 * b + evenColumns)) * pixel;
        sum += f64.load(matrix + ((i * taps + a) << 3)) * <f64>f32.load(tap) * scale;
      }
      f64.store(half + ((i * taps + b) << 3), sum);
    }
  }
  for (let i = 0, before = 0; i < rows; i++) {
    const place = i == last && evenColumns ? 1 : phase, index = place * c + channel;
    for (let j = 0; j <= last; j++) {
      const k = <i32>(phaseBytes(size, c, i, j) >> 2), at = to + placeOf(all, inSlab, before, k, index);
      before += k;
      if (j >= columns) continue;
      let sum: f64 = 0;
      for (let b = 0; b < taps - evenColumns; b++) sum += f64.load(matrix + ((j * taps + b) << 3)) * f64.load(half + ((i * taps + b) << 3));
      f32.store(at, <f32>sum);
      // What fills k up to fours.
      if (k == 8 && index == 5) {
        f32.store(at, 0, 32);
        f32.store(at, 0, 64);
      } else if (k == 4 && index == 2) f32.store(at, 0, 32);
    }
  }
}
