// C = A · B + bias (+ residual, ReLU). A's rows are read in place; a row is an output pixel of a convolution (see records.ts).
import {
  GEMM_A, GEMM_B, GEMM_C, GEMM_C_STEP, GEMM_COLUMNS, GEMM_IMAGE_STEP, GEMM_M, GEMM_OW, GEMM_PANEL_TILES, GEMM_PANELS_PER_TILE, GEMM_PIXEL_STEP,
  GEMM_PIXELS, GEMM_RELU, GEMM_RESIDUAL, GEMM_ROW_STEP, GEMM_ROW_TILES, GEMM_ROWS_PER_TILE, GEMM_RUN_LENGTH, GEMM_RUN_STEP_H,
  GEMM_RUN_STEP_W, GEMM_RUNS_H, GEMM_RUNS_W, PACK_BIAS, PACK_COLUMNS, PACK_K, PACK_PACKED, PACK_SCALE, PACK_SLAB, PACK_WEIGHT,
} from "./generated/records";
import { ROWS, tile1x8, tileRx8 } from "./micro";
import { PIECE, panelsOfSlab, placeOf } from "./slabs";
import { turn } from "./turn";

/** Address of the first float of row `m` of A. */
// @ts-expect-error: decorator
@inline
export function rowOfA(r: usize, a: usize, m: i32): usize {
  const pixels = load<i32>(r, GEMM_PIXELS), ow = load<i32>(r, GEMM_OW);
  const image = m / pixels, pixel = m - image * pixels;
  const y = pixel / ow, x = pixel - y * ow;
  return a + <usize>image * load<usize>(r, GEMM_IMAGE_STEP) + <usize>y * load<usize>(r, GEMM_ROW_STEP) + <usize>x * load<usize>(r, GEMM_PIXEL_STEP);
}

/** Rows outer, panels inner: the few rows of A stay in the first-level cache while the panels stream by. */
export function gemm(r: usize, tile: i32): void {
  if (load<i32>(r, GEMM_RUNS_H) * load<i32>(r, GEMM_RUNS_W) == 1) product(r, tile, true);
  else product(r, tile, false);
}

/** `single` (a constant): a row of A is one run. */
// @ts-expect-error: decorator
@inline
function product(r: usize, tile: i32, single: bool): void {
  const a = load<usize>(r, GEMM_A), columns = load<i32>(r, GEMM_COLUMNS), cStep = load<usize>(r, GEMM_C_STEP);
  const rowTiles = load<i32>(r, GEMM_ROW_TILES), rowsPerTile = load<i32>(r, GEMM_ROWS_PER_TILE);
  const panelsPerTile = load<i32>(r, GEMM_PANELS_PER_TILE);
  const k = load<i32>(r, GEMM_RUN_LENGTH) * load<i32>(r, GEMM_RUNS_H) * load<i32>(r, GEMM_RUNS_W);
  const panelTiles = load<i32>(r, GEMM_PANEL_TILES);
  let panelTile = 0, rowTile = 0;
  if (panelTiles) {
    rowTile = tile / panelTiles;
    panelTile = tile - rowTile * panelTiles;
  } else {
    panelTile = tile / rowTiles;
    rowTile = tile - panelTile * rowTiles;
  }
  const firstPanel = panelTile * panelsPerTile;
  const panels = min(firstPanel + panelsPerTile, (columns + 7) >> 3) - firstPanel;
  const m0 = rowTile * rowsPerTile, m1 = min(m0 + rowsPerTile, load<i32>(r, GEMM_M));
  const residualBase = load<usize>(r, GEMM_RESIDUAL);
  const pb = load<usize>(r, GEMM_B) + <usize>firstPanel * ((<usize>k + 1) << 5), cols = columns - (firstPanel << 3);

  for (let m = m0; m < m1; ) {
    const rows = min(ROWS, m1 - m), offset = <usize>m * cStep + (<usize>firstPanel << 5);
    const c = load<usize>(r, GEMM_C) + offset, residual = residualBase ? residualBase + offset : 0;
    const q0 = rowOfA(r, a, m);
    if (rows == 1) row(r, q0, pb, panels, c, residual, cols);
    else {
      // Rows that are not there are read from one that is, and not stored.
      const q1 = rowOfA(r, a, m + 1), q2 = rows > 2 ? rowOfA(r, a, m + 2) : q1, q3 = rows > 3 ? rowOfA(r, a, m + 3) : q1;
      const q4 = rows > 4 ? rowOfA(r, a, m + 4) : q1, q5 = rows > 5 ? rowOfA(r, a, m + 5) : q1;
      const next = residual && m + 3 * ROWS <= load<i32>(r, GEMM_M) ? residual + <usize>ROWS * cStep : 0;
      group(single, r, q0, q1, q2, q3, q4, q5, pb, panels, c, cStep, residual, next, rows, cols);
    }
    m += rows;
  }
}

/**
 * One group of rows times `panels` panels. `single` is a constant. Lines of the next group's residual, from `ahead` on (unless 0), are touched, a share for each panel, so
 * that they come from memory while others are multiplied: 64 to 256 at 56x56 2.28 to 2.23 ms.
 */
// @ts-expect-error: decorator
@inline
function group(
  single: bool, r: usize, q0: usize, q1: usize, q2: usize, q3: usize, q4: usize, q5: usize, pb: usize, panels: i32,
  c: usize, cStep: usize, residual: usize, ahead: usize, rows: i32, cols: i32,
): void {
  const runsH = load<i32>(r, GEMM_RUNS_H), runsW = load<i32>(r, GEMM_RUNS_W), runBytes = load<usize>(r, GEMM_RUN_LENGTH) << 2;
  const runStepH = load<usize>(r, GEMM_RUN_STEP_H), runStepW = load<usize>(r, GEMM_RUN_STEP_W);
  const panelBytes = (runBytes * <usize>(runsH * runsW) + 4) << 3, relu = load<i32>(r, GEMM_RELU) != 0;
  for (const end = pb + <usize>panels * panelBytes; pb < end; pb += panelBytes) {
    if (ahead) {
      load<i32>(ahead);
      load<i32>(ahead, 64);
      load<i32>(ahead, 128);
      ahead += ROWS << 5;
    }
    tileRx8(
      single, q0, q1, q2, q3, q4, q5, pb, runsH, runsW, runStepH, runStepW, runBytes,
      c, cStep, residual, relu, rows, min(8, cols),
    );
    c += 32;
    if (residual) residual += 32;
    cols -= 8;
  }
}

function row(r: usize, q0: usize, pb: usize, panels: i32, c: usize, residual: usize, cols: i32): void {
  const runsH = load<i32>(r, GEMM_RUNS_H), runsW = load<i32>(r, GEMM_RUNS_W), runBytes = load<usize>(r, GEMM_RUN_LENGTH) << 2;
  const runStepH = load<usize>(r, GEMM_RUN_STEP_H), runStepW = load<usize>(r, GEMM_RUN_STEP_W);
  const panelBytes = (runBytes * <usize>(runsH * runsW) + 4) << 3, relu = load<i32>(r, GEMM_RELU) != 0;
  for (const end = pb + <usize>panels * panelBytes; pb < end; pb += panelBytes) {
    tile1x8(q0, pb, runsH, runsW, runStepH, runStepW, runBytes, c, residual, relu, min(8, cols));
    c += 32;
    if (residual) residual += 32;
    cols -= 8;
  }
}

/** Four weights of a column times its factor in 64 bits, rounded once; `scaled` is a constant. */
// @ts-expect-error: decorator
@inline
function quad(scaled: bool, from: usize, scale: usize): v128 {
  const v = v128.load(from);
  if (!scaled) return v;
  const factor = v128.load64_splat(scale);
  const low = f32x4.demote_f64x2_zero(f64x2.mul(f64x2.promote_low_f32x4(v), factor));
  const high = f32x4.demote_f64x2_zero(f64x2.mul(f64x2.promote_low_f32x4(v128.shuffle<f64>(v, v, 1, 1)), factor));
  return v128.shuffle<f64>(low, high, 0, 2);
}

/** `count` (a multiple of 4) weights of each of eight columns. */
// @ts-expect-error: decorator
@inline
function packQuads(scaled: bool, from: usize, rowBytes: usize, count: i32, scale: usize, to: usize): void {
  for (const end = from + ((<usize>count) << 2); from < end; from += 16, to += 128) {
    for (let half: usize = 0, row = from, s = scale; half < 32; half += 16, row += rowBytes << 2, s += 32) {
      turn(
        quad(scaled, row, s), quad(scaled, row + rowBytes, s + 8), quad(scaled, row + 2 * rowBytes, s + 16),
        quad(scaled, row + 3 * rowBytes, s + 24), to + half,
      );
    }
  }
}

/** Weights [columns][k] to one panel, [k][8], and 8 biases, by slabs of `slab` panels (slabs.ts; 1: of each panel the biases, then the weights); columns that are not there are zero. */
export function pack(r: usize, tile: i32): void {
  const k = load<i32>(r, PACK_K), columns = load<i32>(r, PACK_COLUMNS), biases = load<usize>(r, PACK_BIAS), slab = load<i32>(r, PACK_SLAB);
  const first = tile << 3, count = min(8, columns - first), rowBytes = <usize>k << 2, scales = load<usize>(r, PACK_SCALE);
  const weight = load<usize>(r, PACK_WEIGHT) + <usize>first * rowBytes, scale = scales + (<usize>first << 3);
  const inSlab = tile % slab, all = panelsOfSlab(slab, (columns + 7) >> 3, tile, inSlab);
  const out = load<usize>(r, PACK_PACKED) + <usize>(tile - inSlab) * (<usize>(k + 1) << 5);
  for (let j = 0; j < 8; j++) {
    f32.store(out + (<usize>(inSlab * 8 + j) << 2), biases != 0 && j < count ? f32.load(biases + ((first + j) << 2)) : 0);
  }
  for (let piece = 0; piece < k; piece += PIECE) {
    const length = min(PIECE, k - piece), fast = count == 8 ? length & ~3 : 0;
    let to = out + (<usize>all << 5) + placeOf(all, inSlab, 0, k, piece), from = weight + (<usize>piece << 2);
    if (scales) packQuads(true, from, rowBytes, fast, scale, to);
    else packQuads(false, from, rowBytes, fast, scale, to);
    from += (<usize>fast) << 2;
    to += (<usize>fast) << 5;
    for (let j = 0; j < 8; j++, to += 4, from += rowBytes) {
      const factor = scales && j < count ? f64.load(scale + (j << 3)) : 1;
      for (let i = 0; i < length - fast; i++) {
        f32.store(to + (i << 5), j < count ? <f32>(<f64>f32.load(from + (i << 2)) * factor) : 0);
      }
    }
  }
}
