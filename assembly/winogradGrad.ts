// The weight gradient of a 3x3 stride 1 convolution by Winograd's F(3x3, 4x4): a tile of 4x4 values of dy is the filter, a tile of
// 6x6 of x the input, 3x3 weights the output; 36 multiplications for each pair of channels and tile instead of 144. The
// points are those of F(4x4, 3x3), so x is transformed as in the forward pass. Products of one position are summed over
// all tiles of a segment of the batch; only the sums are transformed back, in 64 bits.
import {
  WINOGRAD_GRAD_BLOCK_TILES, WINOGRAD_GRAD_C, WINOGRAD_GRAD_C_SHARES, WINOGRAD_GRAD_C_SPAN, WINOGRAD_GRAD_DY, WINOGRAD_GRAD_H,
  WINOGRAD_GRAD_OC, WINOGRAD_GRAD_OC_SHARES, WINOGRAD_GRAD_OC_SPAN, WINOGRAD_GRAD_OH, WINOGRAD_GRAD_OW, WINOGRAD_GRAD_PAD_H,
  WINOGRAD_GRAD_PAD_W, WINOGRAD_GRAD_PARTIAL, WINOGRAD_GRAD_SCRATCH, WINOGRAD_GRAD_SCRATCH_STEP, WINOGRAD_GRAD_SEGMENTS,
  WINOGRAD_GRAD_SUM_C, WINOGRAD_GRAD_SUM_C_SHARES, WINOGRAD_GRAD_SUM_C_SPAN, WINOGRAD_GRAD_SUM_DW, WINOGRAD_GRAD_SUM_OC,
  WINOGRAD_GRAD_SUM_OC_SHARES, WINOGRAD_GRAD_SUM_OC_SPAN, WINOGRAD_GRAD_SUM_PARTIAL, WINOGRAD_GRAD_SUM_SCRATCH,
  WINOGRAD_GRAD_SUM_SCRATCH_STEP, WINOGRAD_GRAD_SUM_SEGMENTS, WINOGRAD_GRAD_TILES, WINOGRAD_GRAD_TILES_X, WINOGRAD_GRAD_TILES_Y,
  WINOGRAD_GRAD_W, WINOGRAD_GRAD_X,
} from "./generated/records";
import { outer4x8 } from "./outer";
import { loadLanes, madd, nmadd } from "./simd";

// A worker's scratch memory: 36 vectors, 36 addresses, zeros for what lies outside the picture, then V (of x) and D (of dy).
// @ts-expect-error: decorator
@inline
const POINTERS: usize = 576;
// @ts-expect-error: decorator
@inline
const ZEROS: usize = 768;
// @ts-expect-error: decorator
@inline
const HEAD: usize = 1088;

/** Bᵀd of six vectors. */
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

/** The filter transform of four vectors without its factors 1/4, -1/6, -1/6, 1/24, 1/24, 1, which the sums get. */
// @ts-expect-error: decorator
@inline
function gradColumn(d0: v128, d1: v128, d2: v128, d3: v128, to: usize, step: usize): void {
  const two = f32x4.splat(2), four = f32x4.splat(4);
  v128.store(to, d0);
  const even = f32x4.add(d0, d2), odd = f32x4.add(d1, d3);
  v128.store(to + step, f32x4.add(even, odd));
  v128.store(to + 2 * step, f32x4.sub(even, odd));
  const e = madd(four, d2, d0), o = f32x4.mul(two, madd(four, d3, d1));
  v128.store(to + 3 * step, f32x4.add(e, o));
  v128.store(to + 4 * step, f32x4.sub(e, o));
  v128.store(to + 5 * step, d3);
}

/** Where the `size` x `size` pixels from (y0, x0) of picture n begin; outside the picture, zeros. */
// @ts-expect-error: decorator
@inline
function pointers(to: usize, size: i32, image: usize, h: i32, w: i32, y0: i32, x0: i32, pixel: usize, zeros: usize, there: bool): void {
  for (let i = 0; i < size; i++) {
    const iy = y0 + i, row = there && <u32>iy < <u32>h;
    let at = image + <usize>(iy * w + x0) * pixel;
    for (let j = 0; j < size; j++, to += 4, at += pixel) store<usize>(to, row && <u32>(x0 + j) < <u32>w ? at : zeros);
  }
}

/** Four channels of a 6x6 tile of x: 36 vectors `step` bytes apart. */
// @ts-expect-error: decorator
@inline
function inputTile(s: usize, offset: usize, lanes: i32, to: usize, step: usize): void {
  let p = s + POINTERS, t = s;
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

/** Four channels of a 4x4 tile of dy. */
// @ts-expect-error: decorator
@inline
function gradTile(s: usize, offset: usize, lanes: i32, to: usize, step: usize): void {
  let p = s + POINTERS, t = s;
  for (let j = 0; j < 4; j++, p += 4, t += 16) {
    gradColumn(
      loadLanes(load<usize>(p) + offset, lanes), loadLanes(load<usize>(p, 16) + offset, lanes),
      loadLanes(load<usize>(p, 32) + offset, lanes), loadLanes(load<usize>(p, 48) + offset, lanes), t, 64,
    );
  }
  t = s;
  for (let i = 0; i < 6; i++, t += 64, to += 6 * step) {
    gradColumn(v128.load(t), v128.load(t, 16), v128.load(t, 32), v128.load(t, 48), to, step);
  }
}

/** A tile is a segment of the batch, a span of output channels and one of input channels: its 36 matrices of sums. */
export function winogradGrad(r: usize, tile: i32, worker: i32): void {
  const ocShares = load<i32>(r, WINOGRAD_GRAD_OC_SHARES), cShares = load<i32>(r, WINOGRAD_GRAD_C_SHARES);
  const shares = ocShares * cShares, segment = tile / shares, share = tile - segment * shares;
  const ocSpan = load<i32>(r, WINOGRAD_GRAD_OC_SPAN), cSpan = load<i32>(r, WINOGRAD_GRAD_C_SPAN);
  const ocTotal = load<i32>(r, WINOGRAD_GRAD_OC), cTotal = load<i32>(r, WINOGRAD_GRAD_C);
  const oc0 = share / cShares * ocSpan, c0 = share % cShares * cSpan;
  const oc = min(ocSpan, ocTotal - oc0), c = min(cSpan, cTotal - c0), groups = (oc + 3) >> 2, panels = (c + 7) >> 3;
  const tiles = load<i32>(r, WINOGRAD_GRAD_TILES), segments = load<i32>(r, WINOGRAD_GRAD_SEGMENTS);
  const first = <i32>(<i64>segment * tiles / segments), last = <i32>(<i64>(segment + 1) * tiles / segments);
  const blockTiles = load<i32>(r, WINOGRAD_GRAD_BLOCK_TILES);
  const s = load<usize>(r, WINOGRAD_GRAD_SCRATCH) + <usize>worker * load<usize>(r, WINOGRAD_GRAD_SCRATCH_STEP);
  // One line more than needed: 36 streams a multiple of 4096 bytes apart would share a few places of the cache.
  const vStep = ((<usize>(panels * blockTiles)) << 5) + 64, dStep = ((<usize>(groups * blockTiles)) << 4) + 64;
  const v = s + HEAD, d = v + 36 * vStep;
  memory.fill(s + ZEROS, 0, HEAD - ZEROS);
  if (c & 7) memory.fill(v, 0, 36 * vStep);
  if (oc & 3) memory.fill(d, 0, 36 * dStep);

  const tilesX = load<i32>(r, WINOGRAD_GRAD_TILES_X), tilesY = load<i32>(r, WINOGRAD_GRAD_TILES_Y);
  const h = load<i32>(r, WINOGRAD_GRAD_H), w = load<i32>(r, WINOGRAD_GRAD_W);
  const oh = load<i32>(r, WINOGRAD_GRAD_OH), ow = load<i32>(r, WINOGRAD_GRAD_OW);
  const padH = load<i32>(r, WINOGRAD_GRAD_PAD_H), padW = load<i32>(r, WINOGRAD_GRAD_PAD_W);
  const xPixel = (<usize>cTotal) << 2, dyPixel = (<usize>ocTotal) << 2;
  const x = load<usize>(r, WINOGRAD_GRAD_X) + ((<usize>c0) << 2), dy = load<usize>(r, WINOGRAD_GRAD_DY) + ((<usize>oc0) << 2);
  const sums = load<usize>(r, WINOGRAD_GRAD_PARTIAL) + <usize>tile * ((<usize>(36 * ocSpan * cSpan)) << 2);

  for (let begin = first; begin < last; begin += blockTiles) {
    const count = min(blockTiles, last - begin), filled = (count + 3) & ~3;
    for (let t = 0; t < filled; t++) {
      const index = begin + t, there = t < count;
      const row = index / tilesX, tx = index - row * tilesX, n = row / tilesY, ty = row - n * tilesY;
      const image = <usize>(n * h * w) * xPixel, dyImage = <usize>(n * oh * ow) * dyPixel;
      pointers(s + POINTERS, 6, x + image, h, w, (ty << 2) - padH, (tx << 2) - padW, xPixel, s + ZEROS, there);
      let ch = 0;
      for (; ch + 4 <= c; ch += 4) {
        inputTile(s, (<usize>ch) << 2, 4, v + ((<usize>((ch >> 3) * blockTiles + t)) << 5) + ((<usize>(ch & 4)) << 2), vStep);
      }
      if (ch < c) {
        inputTile(s, (<usize>ch) << 2, c - ch, v + ((<usize>((ch >> 3) * blockTiles + t)) << 5) + ((<usize>(ch & 4)) << 2), vStep);
      }
      pointers(s + POINTERS, 4, dy + dyImage, oh, ow, ty << 2, tx << 2, dyPixel, s + ZEROS, there);
      ch = 0;
      for (; ch + 4 <= oc; ch += 4) gradTile(s, (<usize>ch) << 2, 4, d + ((<usize>((ch >> 2) * blockTiles + t)) << 4), dStep);
      if (ch < oc) gradTile(s, (<usize>ch) << 2, oc - ch, d + ((<usize>((ch >> 2) * blockTiles + t)) << 4), dStep);
    }
    const rows = (<usize>filled) << 5, aStep = (<usize>blockTiles) << 4, bStep = (<usize>blockTiles) << 5, add = begin > first;
    let to = sums, a0 = d, b0 = v;
    for (let i = 0; i < 36; i++, a0 += dStep, b0 += vStep) {
      let a = a0;
      for (let q = 0; q < groups; q++, a += aStep) {
        let b = b0;
        for (let p = 0; p < panels; p++, b += bStep, to += 128) outer4x8(a, b, b + rows, to, add);
      }
    }
  }
}

/** The sum of a position over all segments, two channels as doubles. */
// @ts-expect-error: decorator
@inline
function total(at: usize, segments: i32, step: usize): v128 {
  let sum = f64x2.promote_low_f32x4(v128.load64_zero(at));
  for (let i = 1; i < segments; i++) {
    at += step;
    sum = f64x2.add(sum, f64x2.promote_low_f32x4(v128.load64_zero(at)));
  }
  return sum;
}

/** Three results of six doubles; the factors of `gradColumn` come in here. */
// @ts-expect-error: decorator
@inline
function sumColumn(t0: v128, t1: v128, t2: v128, t3: v128, t4: v128, t5: v128, to: usize, step: usize): void {
  const sixth = f64x2.splat(-1.0 / 6.0), small = f64x2.splat(1.0 / 24.0);
  const a = f64x2.mul(sixth, f64x2.add(t1, t2)), b = f64x2.mul(sixth, f64x2.sub(t1, t2));
  const c = f64x2.mul(small, f64x2.add(t3, t4)), d = f64x2.mul(small, f64x2.sub(t3, t4));
  v128.store(to, f64x2.add(f64x2.add(f64x2.mul(t0, f64x2.splat(0.25)), a), c));
  v128.store(to + step, f64x2.add(b, f64x2.mul(f64x2.splat(2), d)));
  v128.store(to + 2 * step, f64x2.add(f64x2.add(a, t5), f64x2.mul(f64x2.splat(4), c)));
}

/** The sums of all segments, transformed to weights; a tile is four output channels. */
export function winogradGradSum(r: usize, tile: i32, worker: i32): void {
  const ocShares = load<i32>(r, WINOGRAD_GRAD_SUM_OC_SHARES), cShares = load<i32>(r, WINOGRAD_GRAD_SUM_C_SHARES);
  const ocSpan = load<i32>(r, WINOGRAD_GRAD_SUM_OC_SPAN), cSpan = load<i32>(r, WINOGRAD_GRAD_SUM_C_SPAN);
  const ocTotal = load<i32>(r, WINOGRAD_GRAD_SUM_OC), c = load<i32>(r, WINOGRAD_GRAD_SUM_C), segments = load<i32>(r, WINOGRAD_GRAD_SUM_SEGMENTS);
  const unit = (<usize>(36 * ocSpan * cSpan)) << 2, step = unit * (<usize>(ocShares * cShares));
  const s = load<usize>(r, WINOGRAD_GRAD_SUM_SCRATCH) + <usize>worker * load<usize>(r, WINOGRAD_GRAD_SUM_SCRATCH_STEP);
  const oc0 = tile << 2, share = oc0 / ocSpan, oc = min(ocSpan, ocTotal - share * ocSpan), groups = (oc + 3) >> 2;
  const group = (oc0 - share * ocSpan) >> 2;
  for (let cs = 0; cs < cShares; cs++) {
    const width = min(cSpan, c - cs * cSpan), panels = (width + 7) >> 3;
    const position = (<usize>(groups * panels)) << 7;
    const base = load<usize>(r, WINOGRAD_GRAD_SUM_PARTIAL) + <usize>(share * cShares + cs) * unit + ((<usize>(group * panels)) << 7);
    for (let j = 0; j < 4 && oc0 + j < ocTotal; j++) {
      const out = load<usize>(r, WINOGRAD_GRAD_SUM_DW) + ((<usize>((oc0 + j) * 9 * c + cs * cSpan)) << 2);
      for (let ch = 0; ch < width; ch += 2) {
        const from = base + ((<usize>(ch >> 3)) << 7) + ((<usize>j) << 5) + ((<usize>(ch & 7)) << 2);
        for (let b = 0; b < 6; b++) {
          const at = from + <usize>b * position;
          sumColumn(
            total(at, segments, step), total(at + 6 * position, segments, step), total(at + 12 * position, segments, step),
            total(at + 18 * position, segments, step), total(at + 24 * position, segments, step),
            total(at + 30 * position, segments, step), s + ((<usize>b) << 4), 96,
          );
        }
        for (let ky = 0; ky < 3; ky++) {
          const t = s + <usize>ky * 96;
          sumColumn(
            v128.load(t), v128.load(t, 16), v128.load(t, 32), v128.load(t, 48), v128.load(t, 64), v128.load(t, 80), s + 288, 16,
          );
          for (let kx = 0; kx < 3; kx++) {
            const to = out + ((<usize>((ky * 3 + kx) * c + ch)) << 2), y = f32x4.demote_f64x2_zero(v128.load(s + 288 + ((<usize>kx) << 4)));
            f32.store(to, f32x4.extract_lane(y, 0));
            if (ch + 1 < width) f32.store(to, f32x4.extract_lane(y, 1), 4);
          }
        }
      }
    }
  }
}
