// The gradient of a convolution's weights, and the moves that turn the gradient of its input into a convolution.
import {DILATE_C, DILATE_H, DILATE_LEFT,DILATE_OH, DILATE_OW, 
  DILATE_STRIDE_H, DILATE_STRIDE_W,DILATE_TOP, DILATE_W, DILATE_X, DILATE_Y, 
  FLIP_IC, FLIP_OC, FLIP_TAPS,FLIP_X, FLIP_Y, WEIGHT_GRAD_DY, WEIGHT_GRAD_DY_STEP, 
  WEIGHT_GRAD_IMAGE_STEP, WEIGHT_GRAD_N, WEIGHT_GRAD_OC,
  WEIGHT_GRAD_OC_PER_TILE, WEIGHT_GRAD_OC_TILES, WEIGHT_GRAD_OH, WEIGHT_GRAD_OW, WEIGHT_GRAD_PARTIAL, WEIGHT_GRAD_PARTIAL_STEP, WEIGHT_GRAD_PIXEL_STEP, WEIGHT_GRAD_ROW_STEP, 
  WEIGHT_GRAD_RUN_LENGTH, WEIGHT_GRAD_RUN_STEP_H, WEIGHT_GRAD_RUN_STEP_W,WEIGHT_GRAD_RUNS_H, WEIGHT_GRAD_RUNS_W, WEIGHT_GRAD_SEGMENTS,
  WEIGHT_GRAD_X, 
  WEIGHT_GRAD_CHUNK, WEIGHT_GRAD_SCRATCH, WEIGHT_GRAD_SCRATCH_STEP, PHASE_WEIGHTS_IC, PHASE_WEIGHTS_KH, PHASE_WEIGHTS_KW,
  PHASE_WEIGHTS_LEFT, PHASE_WEIGHTS_OC, PHASE_WEIGHTS_STRIDE_H, PHASE_WEIGHTS_STRIDE_W, PHASE_WEIGHTS_TH, PHASE_WEIGHTS_TOP,
  PHASE_WEIGHTS_TW, PHASE_WEIGHTS_X, PHASE_WEIGHTS_Y, SPREAD_C, SPREAD_H, SPREAD_LEFT, SPREAD_OH, SPREAD_OW, SPREAD_STRIDE_H,
  SPREAD_STRIDE_W, SPREAD_TOP, SPREAD_W, SPREAD_X, SPREAD_Y,
} from "./generated/records";
import { outer4x8 } from "./outer";
import { loadLanes, storeLanes } from "./simd";

/** Stores `count` (1..8) lanes of two vectors. */
// @ts-expect-error: decorator
@inline
function storeRow(at: usize, count: i32, lo: v128, hi: v128): void {
  storeLanes(at, lo, count);
  if (count > 4) storeLanes(at + 16, hi, count - 4);
}

/**
 * A tile sums one segment of the batch for one run of k and a group of output channels: chunks of pixels are copied to panels
 * (dy [oc / 4][pixels][4], rows of A [run / 8][pixels][8]) and multiplied. Tails of a run read what lies behind it and are not stored.
 */
export function weightGrad(r: usize, tile: i32, worker: i32): void {
  const n = load<i32>(r, WEIGHT_GRAD_N), oh = load<i32>(r, WEIGHT_GRAD_OH), ow = load<i32>(r, WEIGHT_GRAD_OW);
  const oc = load<i32>(r, WEIGHT_GRAD_OC), runLength = load<i32>(r, WEIGHT_GRAD_RUN_LENGTH);
  const runsW = load<i32>(r, WEIGHT_GRAD_RUNS_W), runs = runsW * load<i32>(r, WEIGHT_GRAD_RUNS_H);
  const ocPerTile = load<i32>(r, WEIGHT_GRAD_OC_PER_TILE), ocTiles = load<i32>(r, WEIGHT_GRAD_OC_TILES);
  const segments = load<i32>(r, WEIGHT_GRAD_SEGMENTS), segment = tile / (ocTiles * runs);
  const rest = tile - segment * ocTiles * runs, ocTile = rest / runs, run = rest - ocTile * runs;
  const oc0 = ocTile * ocPerTile, width = min(oc - oc0, ocPerTile), groups = (width + 3) >> 2, panels = (runLength + 7) >> 3;
  const imageStep = load<usize>(r, WEIGHT_GRAD_IMAGE_STEP), rowStep = load<usize>(r, WEIGHT_GRAD_ROW_STEP);
  const pixelStep = load<usize>(r, WEIGHT_GRAD_PIXEL_STEP), dyStep = load<usize>(r, WEIGHT_GRAD_DY_STEP);
  const runH = run / runsW, runW = run - runH * runsW;
  const x = load<usize>(r, WEIGHT_GRAD_X) + <usize>runH * load<usize>(r, WEIGHT_GRAD_RUN_STEP_H) +
    <usize>runW * load<usize>(r, WEIGHT_GRAD_RUN_STEP_W);
  const chunk = load<i32>(r, WEIGHT_GRAD_CHUNK), aStep = (<usize>chunk) << 4, bStep = (<usize>chunk) << 5;
  const a0 = load<usize>(r, WEIGHT_GRAD_SCRATCH) + <usize>worker * load<usize>(r, WEIGHT_GRAD_SCRATCH_STEP);
  const b0 = a0 + <usize>groups * aStep, sums = b0 + <usize>panels * bStep;

  const pixels = oh * ow, row0 = <i32>(<i64>segment * n / segments) * pixels, row1 = <i32>(<i64>(segment + 1) * n / segments) * pixels;
  let image = row0 / pixels, oy = 0, ox = 0;
  if (row0 == row1) memory.fill(sums, 0, (<usize>(groups * panels)) << 7); // an empty batch
  for (let first = row0; first < row1; first += chunk) {
    const count = min(chunk, row1 - first), filled = (count + 3) & ~3;
    let pd = load<usize>(r, WEIGHT_GRAD_DY) + ((<usize>oc0) << 2) + <usize>first * dyStep;
    for (let i = 0; i < count; i++, pd += dyStep) {
      let px = x + <usize>image * imageStep + <usize>oy * rowStep + <usize>ox * pixelStep, to = b0 + ((<usize>i) << 5);
      for (let p = 0; p < panels; p++, px += 32, to += bStep) {
        v128.store(to, v128.load(px));
        v128.store(to, v128.load(px, 16), 16);
      }
      to = a0 + ((<usize>i) << 4);
      let o = 0;
      for (; o + 4 <= width; o += 4, to += aStep) v128.store(to, v128.load(pd + ((<usize>o) << 2)));
      if (o < width) v128.store(to, loadLanes(pd + ((<usize>o) << 2), width - o));
      if (++ox == ow) {
        ox = 0;
        if (++oy == oh) {
          oy = 0;
          image++;
        }
      }
    }
    for (let i = count; i < filled; i++) {
      for (let p = 0; p < panels; p++) {
        const to = b0 + <usize>p * bStep + ((<usize>i) << 5);
        v128.store(to, f32x4.splat(0));
        v128.store(to, f32x4.splat(0), 16);
      }
      for (let q = 0; q < groups; q++) v128.store(a0 + <usize>q * aStep + ((<usize>i) << 4), f32x4.splat(0));
    }
    const rows = (<usize>filled) << 5;
    let to = sums, a = a0;
    for (let q = 0; q < groups; q++, a += aStep) {
      let b = b0;
      for (let p = 0; p < panels; p++, b += bStep, to += 128) outer4x8(a, b, b + rows, to, first > row0);
    }
  }

  const kBytes = (<usize>(runs * runLength)) << 2;
  const out = load<usize>(r, WEIGHT_GRAD_PARTIAL) + <usize>segment * load<usize>(r, WEIGHT_GRAD_PARTIAL_STEP) +
    <usize>oc0 * kBytes + ((<usize>(run * runLength)) << 2);
  for (let o = 0; o < width; o++) {
    let from = sums + ((<usize>((o >> 2) * panels)) << 7) + ((<usize>(o & 3)) << 5), to = out + <usize>o * kBytes;
    for (let k = 0; k < runLength; k += 8, from += 128, to += 32) storeRow(to, min(8, runLength - k), v128.load(from), v128.load(from, 16));
  }
}

/**
 * Every `stride`-th tap of [oc][kh][kw][ic], reversed, to [ic][th][tw][oc]: the weights that take dy to one phase of dx. A tile is a row
 * of the result.
 */
export function phaseWeights(r: usize, tile: i32): void {
  const oc = load<i32>(r, PHASE_WEIGHTS_OC), ic = load<i32>(r, PHASE_WEIGHTS_IC), kh = load<i32>(r, PHASE_WEIGHTS_KH), kw = load<i32>(r, PHASE_WEIGHTS_KW);
  const th = load<i32>(r, PHASE_WEIGHTS_TH), tw = load<i32>(r, PHASE_WEIGHTS_TW);
  const x = load<usize>(r, PHASE_WEIGHTS_X) + ((<usize>tile) << 2), step = (<usize>(kh * kw * ic)) << 2;
  let y = load<usize>(r, PHASE_WEIGHTS_Y) + ((<usize>(tile * th * tw * oc)) << 2);
  for (let i = th - 1; i >= 0; i--) {
    const ky = load<i32>(r, PHASE_WEIGHTS_TOP) + i * load<i32>(r, PHASE_WEIGHTS_STRIDE_H);
    for (let j = tw - 1; j >= 0; j--) {
      const kx = load<i32>(r, PHASE_WEIGHTS_LEFT) + j * load<i32>(r, PHASE_WEIGHTS_STRIDE_W);
      let from = x + ((<usize>((ky * kw + kx) * ic)) << 2);
      for (let o = 0; o < oc; o++, y += 4, from += step) f32.store(y, f32.load(from));
    }
  }
}

/** A phase's pixels to their places in dx, `stride` apart; a tile is a row of the phase. */
export function spread(r: usize, tile: i32): void {
  const h = load<i32>(r, SPREAD_H), w = load<i32>(r, SPREAD_W), oh = load<i32>(r, SPREAD_OH), ow = load<i32>(r, SPREAD_OW), c = load<i32>(r, SPREAD_C);
  const n = tile / h, row = tile - n * h, bytes = (<usize>c) << 2, step = <usize>load<i32>(r, SPREAD_STRIDE_W) * bytes;
  let x = load<usize>(r, SPREAD_X) + <usize>(tile * w) * bytes;
  let y = load<usize>(r, SPREAD_Y) +
    <usize>((n * oh + load<i32>(r, SPREAD_TOP) + row * load<i32>(r, SPREAD_STRIDE_H)) * ow + load<i32>(r, SPREAD_LEFT)) * bytes;
  for (let i = 0; i < w; i++, x += bytes, y += step) {
    let ch = 0;
    for (; ch + 4 <= c; ch += 4) v128.store(y + ((<usize>ch) << 2), v128.load(x + ((<usize>ch) << 2)));
    if (ch < c) storeLanes(y + ((<usize>ch) << 2), loadLanes(x + ((<usize>ch) << 2), c - ch), c - ch);
  }
}

/** [oc][taps][ic] to [ic][taps reversed][oc]: the weights of the convolution that takes dy to dx. */
export function flip(r: usize, tile: i32): void {
  const oc = load<i32>(r, FLIP_OC), taps = load<i32>(r, FLIP_TAPS), ic = load<i32>(r, FLIP_IC);
  let y = load<usize>(r, FLIP_Y) + ((<usize>tile * taps * oc) << 2);
  const x = load<usize>(r, FLIP_X) + (<usize>tile << 2), step = <usize>(taps * ic) << 2;
  for (let t = taps - 1; t >= 0; t--) {
    let from = x + (<usize>(t * ic) << 2);
    for (let o = 0; o < oc; o++, y += 4, from += step) f32.store(y, f32.load(from));
  }
}

/** Pixels `stride` apart in a picture of zeros; a tile is an output row. */
export function dilate(r: usize, tile: i32): void {
  const h = load<i32>(r, DILATE_H), w = load<i32>(r, DILATE_W), oh = load<i32>(r, DILATE_OH), ow = load<i32>(r, DILATE_OW);
  const left = load<i32>(r, DILATE_LEFT), strideH = load<i32>(r, DILATE_STRIDE_H), strideW = load<i32>(r, DILATE_STRIDE_W);
  const bytes = <usize>load<i32>(r, DILATE_C) << 2;
  const n = tile / oh, down = tile - n * oh - load<i32>(r, DILATE_TOP);
  const y = load<usize>(r, DILATE_Y) + <usize>(tile * ow) * bytes;
  memory.fill(y, 0, <usize>ow * bytes);
  if (down < 0 || down % strideH != 0 || down / strideH >= h) return;
  let x = load<usize>(r, DILATE_X) + <usize>((n * h + down / strideH) * w) * bytes;
  for (let i = 0; i < w; i++, x += bytes) {
    const to = left + i * strideW;
    if (to >= 0 && to < ow) memory.copy(y + <usize>to * bytes, x, bytes);
  }
}
