// gemm.ts for few rows and long k: small pictures of many channels. There the weights stream in from memory once, and rows of A in place, six streams
// from the second-level cache that start anew for each panel, stand in their way. So rows are packed once into one stream, as V in winograd.ts:
// 49 x 512 x 4608 4.67 to 4.32 ms (bench/lab/README.md, products). The record begins as gemm's.
import {
  GEMM_A, GEMM_B, GEMM_C, GEMM_C_STEP, GEMM_COLUMNS, GEMM_M, GEMM_RELU, GEMM_RESIDUAL, GEMM_RUN_LENGTH, GEMM_RUN_STEP_H, GEMM_RUN_STEP_W,
  GEMM_RUNS_H, GEMM_RUNS_W, PACKED_GEMM_BLOCK_ROWS, PACKED_GEMM_BLOCKS, PACKED_GEMM_FUSED, PACKED_GEMM_PANELS_PER_TILE, PACKED_GEMM_SCRATCH,
  PACKED_GEMM_SCRATCH_STEP, PACKED_GEMM_V, PACKED_GEMM_V_STEP,
} from "./generated/records";
import { rowOfA } from "./gemm";
import { groupRows, product } from "./groups";
import { pixel } from "./pixel";
import { panelsOfSlab, SLAB } from "./slabs";

/** Bytes of a row of A. */
// @ts-expect-error: decorator
@inline
function rowBytes(r: usize): usize {
  return <usize>(load<i32>(r, GEMM_RUN_LENGTH) * load<i32>(r, GEMM_RUNS_H) * load<i32>(r, GEMM_RUNS_W)) << 2;
}

/** V of a block: groups of rows, within a group [k / 4][rows][4]. */
function packRows(r: usize, block: i32, v: usize): void {
  const runBytes = load<usize>(r, GEMM_RUN_LENGTH) << 2, runsH = load<i32>(r, GEMM_RUNS_H), runsW = load<i32>(r, GEMM_RUNS_W);
  const most = load<i32>(r, PACKED_GEMM_BLOCK_ROWS), end = min((block + 1) * most, load<i32>(r, GEMM_M)), bytes = rowBytes(r);
  for (let m = block * most, rows = 0; m < end; m += rows, v += <usize>rows * bytes) {
    rows = groupRows(end - m);
    for (let t = 0; t < rows && m + t < end; t++) {
      const from = rowOfA(r, load<usize>(r, GEMM_A), m + t);
      let to = v + (<usize>t << 4);
      for (let i = 0; i < runsH; i++) {
        for (let j = 0; j < runsW; j++) {
          let a = from + <usize>i * load<usize>(r, GEMM_RUN_STEP_H) + <usize>j * load<usize>(r, GEMM_RUN_STEP_W);
          for (const end = a + runBytes; a < end; a += 16, to += <usize>rows << 4) v128.store(to, v128.load(a));
        }
      }
    }
  }
}

/** Only the rows of a block, where the panels of few blocks are shared out among the workers. */
export function packedGemmInput(r: usize, block: i32): void {
  packRows(r, block, load<usize>(r, PACKED_GEMM_V) + <usize>block * load<usize>(r, PACKED_GEMM_V_STEP));
}

/** Rows of a block times some panels. `fused`: the rows are packed here, in memory of the worker's own. */
export function packedGemm(r: usize, tile: i32, worker: i32): void {
  const blocks = load<i32>(r, PACKED_GEMM_BLOCKS), share = tile / blocks, block = tile - share * blocks, fused = load<i32>(r, PACKED_GEMM_FUSED) != 0;
  const v = load<usize>(r, PACKED_GEMM_V) + <usize>(fused ? worker : block) * load<usize>(r, PACKED_GEMM_V_STEP), k = rowBytes(r);
  const scratch = load<usize>(r, PACKED_GEMM_SCRATCH) + <usize>worker * load<usize>(r, PACKED_GEMM_SCRATCH_STEP);
  if (fused) packRows(r, block, v);
  const most = load<i32>(r, PACKED_GEMM_BLOCK_ROWS), first = block * most, count = min(most, load<i32>(r, GEMM_M) - first);
  const perTile = load<i32>(r, PACKED_GEMM_PANELS_PER_TILE), end = min((share + 1) * perTile, load<i32>(r, GEMM_COLUMNS) >> 3);
  const residual = load<usize>(r, GEMM_RESIDUAL), add = residual ? residual - load<usize>(r, GEMM_C) : 0, step = load<usize>(r, GEMM_C_STEP);
  const floor = f32x4.splat(load<i32>(r, GEMM_RELU) ? 0 : -Infinity);
  const panelBytes = (k << 3) + 32, lines = <usize>(most + 3) << 5, panels = load<i32>(r, GEMM_COLUMNS) >> 3;
  for (let panel = share * perTile, some = 0; panel < end; panel += some) {
    const inSlab = panel % SLAB, all = panelsOfSlab(SLAB, panels, panel, inSlab), b = load<usize>(r, GEMM_B) + <usize>(panel - inSlab) * panelBytes;
    some = min(all - inSlab, end - panel);
    product(v, k, count, b + (<usize>all << 5), all, inSlab, some, k, scratch, 32, lines);
    // Long stretches of a row: rows may lie a power of two apart, where their lines push each other out of the first-level cache.
    let row = load<usize>(r, GEMM_C) + <usize>first * step + (<usize>panel << 5);
    for (let t: usize = 0; t < <usize>count << 5; t += 32, row += step) {
      let bias = b + (<usize>inSlab << 5), from = scratch + t;
      for (let to = row, stop = row + (<usize>some << 5); to < stop; to += 32, from += lines, bias += 32) {
        pixel(to, add, floor, 4, f32x4.add(v128.load(from), v128.load(bias)));
        pixel(to + 16, add, floor, 4, f32x4.add(v128.load(from, 16), v128.load(bias, 16)));
      }
    }
  }
}
