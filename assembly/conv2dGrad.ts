// The gradient of a convolution's weights, and the moves that turn the gradient of its input into a convolution.
import {DILATE_C, DILATE_H, DILATE_LEFT,DILATE_OH, DILATE_OW, 
  DILATE_STRIDE_H, DILATE_STRIDE_W,DILATE_TOP, DILATE_W, DILATE_X, DILATE_Y, 
  FLIP_IC, FLIP_OC, FLIP_TAPS,FLIP_X, FLIP_Y, WEIGHT_GRAD_DY, WEIGHT_GRAD_DY_STEP, 
  WEIGHT_GRAD_IMAGE_STEP, WEIGHT_GRAD_N, WEIGHT_GRAD_OC,
  WEIGHT_GRAD_OC_PER_TILE, WEIGHT_GRAD_OC_TILES, WEIGHT_GRAD_OH, WEIGHT_GRAD_OW, WEIGHT_GRAD_PARTIAL, WEIGHT_GRAD_PARTIAL_STEP, WEIGHT_GRAD_PIXEL_STEP, WEIGHT_GRAD_ROW_STEP, 
  WEIGHT_GRAD_RUN_LENGTH, WEIGHT_GRAD_RUN_STEP_H, WEIGHT_GRAD_RUN_STEP_W,WEIGHT_GRAD_RUNS_H, WEIGHT_GRAD_RUNS_W, WEIGHT_GRAD_SEGMENTS,
  WEIGHT_GRAD_X, 
} from "./generated/records";
import { madd } from "./simd";

/** Pixels whose products are summed in registers before they are added to the partial matrix. */
const CHUNK_PIXELS: i32 = 256;

/** Adds `count` (1..8) lanes of two vectors to memory. */
// @ts-expect-error: decorator
@inline
function addRow(at: usize, count: i32, lo: v128, hi: v128): void {
  if (count == 8) {
    v128.store(at, f32x4.add(v128.load(at), lo));
    v128.store(at, f32x4.add(v128.load(at, 16), hi), 16);
    return;
  }
  for (let i = 0; i < count; i++) {
    const lane = i & 3;
    const v = i < 4 ? lo : hi;
    let s = f32x4.extract_lane(v, 0);
    if (lane == 1) s = f32x4.extract_lane(v, 1);
    else if (lane == 2) s = f32x4.extract_lane(v, 2);
    else if (lane == 3) s = f32x4.extract_lane(v, 3);
    f32.store(at + (i << 2), f32.load(at + (i << 2)) + s);
  }
}

/**
 * A tile sums one segment of the batch for one run of k and a group of output channels. Tails of k compute lanes that belong
 * to the neighbouring pixel and are not stored; tails of oc compute a row twice.
 */
export function weightGrad(r: usize, tile: i32): void {
  const n = load<i32>(r, WEIGHT_GRAD_N), oh = load<i32>(r, WEIGHT_GRAD_OH), ow = load<i32>(r, WEIGHT_GRAD_OW);
  const oc = load<i32>(r, WEIGHT_GRAD_OC), runLength = load<i32>(r, WEIGHT_GRAD_RUN_LENGTH);
  const runsW = load<i32>(r, WEIGHT_GRAD_RUNS_W), runs = runsW * load<i32>(r, WEIGHT_GRAD_RUNS_H);
  const ocPerTile = load<i32>(r, WEIGHT_GRAD_OC_PER_TILE), ocTiles = load<i32>(r, WEIGHT_GRAD_OC_TILES);
  const segments = load<i32>(r, WEIGHT_GRAD_SEGMENTS), segment = tile / (ocTiles * runs);
  const rest = tile - segment * ocTiles * runs, ocTile = rest / runs, run = rest - ocTile * runs;
  const oc0 = ocTile * ocPerTile, oc1 = min(oc, oc0 + ocPerTile);
  const kBytes = <usize>(runs * runLength) << 2;
  const imageStep = load<usize>(r, WEIGHT_GRAD_IMAGE_STEP), rowStep = load<usize>(r, WEIGHT_GRAD_ROW_STEP);
  const pixelStep = load<usize>(r, WEIGHT_GRAD_PIXEL_STEP), dyStep = load<usize>(r, WEIGHT_GRAD_DY_STEP);
  const runH = run / runsW, runW = run - runH * runsW;
  const x = load<usize>(r, WEIGHT_GRAD_X) + <usize>runH * load<usize>(r, WEIGHT_GRAD_RUN_STEP_H) +
    <usize>runW * load<usize>(r, WEIGHT_GRAD_RUN_STEP_W);
  const dy = load<usize>(r, WEIGHT_GRAD_DY);
  const out = load<usize>(r, WEIGHT_GRAD_PARTIAL) + <usize>segment * load<usize>(r, WEIGHT_GRAD_PARTIAL_STEP) +
    ((<usize>(run * runLength)) << 2);
  for (let o = oc0; o < oc1; o++) memory.fill(out + <usize>o * kBytes, 0, <usize>runLength << 2);

  // Rows of output pixels, counted through the whole segment.
  const row0 = <i32>(<i64>segment * n / segments) * oh, row1 = <i32>(<i64>(segment + 1) * n / segments) * oh;
  const rowsPerChunk = max(1, CHUNK_PIXELS / ow);
  for (let first = row0; first < row1; first += rowsPerChunk) {
    const last = min(row1, first + rowsPerChunk);
    for (let o = oc0; o < oc1; o += 4) {
      const rows = min(4, oc1 - o);
      const d1 = rows > 1 ? 4 : 0, d2 = rows > 2 ? 8 : 0, d3 = rows > 3 ? 12 : 0;
      const dyColumn = dy + (<usize>o << 2);
      for (let k = 0; k < runLength; k += 8) {
        let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        for (let row = first; row < last; row++) {
          const image = row / oh, oy = row - image * oh;
          let px = x + <usize>image * imageStep + <usize>oy * rowStep + (<usize>k << 2);
          let pd = dyColumn + <usize>(row * ow) * dyStep;
          const end = pd + <usize>ow * dyStep;
          while (pd < end) {
            const b0 = v128.load(px), b1 = v128.load(px, 16);
            let a = v128.load32_splat(pd);
            c00 = madd(a, b0, c00);
            c01 = madd(a, b1, c01);
            a = v128.load32_splat(pd + d1);
            c10 = madd(a, b0, c10);
            c11 = madd(a, b1, c11);
            a = v128.load32_splat(pd + d2);
            c20 = madd(a, b0, c20);
            c21 = madd(a, b1, c21);
            a = v128.load32_splat(pd + d3);
            c30 = madd(a, b0, c30);
            c31 = madd(a, b1, c31);
            px += pixelStep;
            pd += dyStep;
          }
        }
        const count = min(8, runLength - k);
        let at = out + <usize>o * kBytes + (<usize>k << 2);
        addRow(at, count, c00, c01);
        if (rows > 1) addRow(at + kBytes, count, c10, c11);
        if (rows > 2) addRow(at + 2 * kBytes, count, c20, c21);
        if (rows > 3) addRow(at + 3 * kBytes, count, c30, c31);
      }
    }
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
