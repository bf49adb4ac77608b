// C = A · B + bias (+ residual, ReLU). A's rows are read in place; a row is an output pixel of a convolution (see records.ts).
import {
  GEMM_A, GEMM_B, GEMM_C, GEMM_C_STEP, GEMM_COLUMNS, GEMM_IMAGE_STEP, GEMM_M, GEMM_OW, GEMM_PANELS_PER_TILE, GEMM_PIXEL_STEP,
  GEMM_PIXELS, GEMM_RELU, GEMM_RESIDUAL, GEMM_ROW_STEP, GEMM_ROW_TILES, GEMM_ROWS_PER_TILE, GEMM_RUN_LENGTH, GEMM_RUN_STEP_H,
  GEMM_RUN_STEP_W, GEMM_RUNS_H, GEMM_RUNS_W, PACK_BIAS, PACK_COLUMNS, PACK_K, PACK_PACKED, PACK_SCALE, PACK_WEIGHT,
} from "./generated/records";
import { tile1x8, tileRx8 } from "./micro";
import { ROWS } from "./panel";

/** Address of the first float of row `m` of A. */
// @ts-expect-error: decorator
@inline
function rowOfA(r: usize, a: usize, m: i32): usize {
  const pixels = load<i32>(r, GEMM_PIXELS), ow = load<i32>(r, GEMM_OW);
  const image = m / pixels, pixel = m - image * pixels;
  const y = pixel / ow, x = pixel - y * ow;
  return a + <usize>image * load<usize>(r, GEMM_IMAGE_STEP) + <usize>y * load<usize>(r, GEMM_ROW_STEP) + <usize>x * load<usize>(r, GEMM_PIXEL_STEP);
}

/** Rows outer, panels inner: the few rows of A stay in the first-level cache while the panels stream by. */
export function gemm(r: usize, tile: i32): void {
  const a = load<usize>(r, GEMM_A), b = load<usize>(r, GEMM_B);
  const runLength = load<i32>(r, GEMM_RUN_LENGTH), runsH = load<i32>(r, GEMM_RUNS_H), runsW = load<i32>(r, GEMM_RUNS_W);
  const runStepH = load<usize>(r, GEMM_RUN_STEP_H), runStepW = load<usize>(r, GEMM_RUN_STEP_W);
  const runBytes = <usize>runLength << 2;
  const relu = load<i32>(r, GEMM_RELU) != 0;
  const cStep = load<usize>(r, GEMM_C_STEP), columns = load<i32>(r, GEMM_COLUMNS);
  const rowTiles = load<i32>(r, GEMM_ROW_TILES), rowsPerTile = load<i32>(r, GEMM_ROWS_PER_TILE);
  const panelsPerTile = load<i32>(r, GEMM_PANELS_PER_TILE);
  const panelBytes = (<usize>(runLength * runsH * runsW) + 1) << 5;

  const panelTile = tile / rowTiles, rowTile = tile - panelTile * rowTiles;
  const firstPanel = panelTile * panelsPerTile;
  const endPanel = min(firstPanel + panelsPerTile, (columns + 7) >> 3);
  const m0 = rowTile * rowsPerTile, m1 = min(m0 + rowsPerTile, load<i32>(r, GEMM_M));
  const residualBase = load<usize>(r, GEMM_RESIDUAL);

  let rows = 0;
  for (let m = m0; m < m1; m += rows) {
    const left = m1 - m;
    rows = min(ROWS != 4 && left > 4 ? ROWS : 4, left);
    const q0 = rowOfA(r, a, m);
    let pb = b + <usize>firstPanel * panelBytes;
    const offset = <usize>m * cStep + (<usize>firstPanel << 5);
    let c = load<usize>(r, GEMM_C) + offset;
    let residual = residualBase ? residualBase + offset : 0;
    if (rows == 1) {
      for (let p = firstPanel; p < endPanel; p++) {
        tile1x8(q0, pb, runsH, runsW, runStepH, runStepW, runBytes, c, residual, relu, min(8, columns - (p << 3)));
        pb += panelBytes;
        c += 32;
        if (residual) residual += 32;
      }
      continue;
    }
    const q1 = rowOfA(r, a, m + 1);
    const q2 = rows > 2 ? rowOfA(r, a, m + 2) : q1;
    const q3 = rows > 3 ? rowOfA(r, a, m + 3) : q1;
    if (ROWS != 4 && rows > 4) {
      const q4 = rowOfA(r, a, m + 4);
      const q5 = rows > 5 ? rowOfA(r, a, m + 5) : q4;
      for (let p = firstPanel; p < endPanel; p++) {
        tileRx8(
          ROWS, q0, q1, q2, q3, q4, q5, pb, runsH, runsW, runStepH, runStepW, runBytes,
          c, cStep, residual, relu, rows, min(8, columns - (p << 3)),
        );
        pb += panelBytes;
        c += 32;
        if (residual) residual += 32;
      }
      continue;
    }
    for (let p = firstPanel; p < endPanel; p++) {
      tileRx8(
        4, q0, q1, q2, q3, q1, q1, pb, runsH, runsW, runStepH, runStepW, runBytes,
        c, cStep, residual, relu, rows, min(8, columns - (p << 3)),
      );
      pb += panelBytes;
      c += 32;
      if (residual) residual += 32;
    }
  }
}

/** Weights [columns][k] to one panel: 8 bias values, then for each k the 8 weights; columns that are not there are zero. */
export function pack(r: usize, tile: i32): void {
  const k = load<i32>(r, PACK_K), columns = load<i32>(r, PACK_COLUMNS), bias = load<usize>(r, PACK_BIAS);
  const first = tile << 3, count = min(8, columns - first);
  const rowBytes = <usize>k << 2, scales = load<usize>(r, PACK_SCALE);
  const weight = load<usize>(r, PACK_WEIGHT) + <usize>first * rowBytes;
  let out = load<usize>(r, PACK_PACKED) + <usize>tile * ((<usize>k + 1) << 5);
  for (let j = 0; j < 8; j++) {
    f32.store(out + (j << 2), bias != 0 && j < count ? f32.load(bias + ((first + j) << 2)) : 0);
  }
  out += 32;
  for (let j = 0; j < 8; j++) {
    let to = out + (j << 2);
    if (j < count) {
      const end = weight + <usize>(j + 1) * rowBytes;
      let from = weight + <usize>j * rowBytes;
      if (scales) {
        const scale = f64.load(scales + ((first + j) << 3));
        for (; from < end; from += 4, to += 32) f32.store(to, <f32>(<f64>f32.load(from) * scale));
      } else for (; from < end; from += 4, to += 32) f32.store(to, f32.load(from));
    } else {
      for (let i = 0; i < k; i++, to += 32) f32.store(to, 0);
    }
  }
}
