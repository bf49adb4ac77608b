// Register tiles. `q0`..`q5` point at rows of A, `pb` at a panel: 8 start values (bias), then 8 values for each k. Every tile
// sums k in the same order, so the choice of tile never changes a bit.
import { loadLanes, madd, relu4, storeLanes } from "./simd";

/**
 * Rows of the usual tile: 6 where a multiply-add is one instruction, else 5, since 16 registers hold no more (bench/lab/README.md,
 * tiles: 6x8 strict spills).
 */
// @ts-expect-error: decorator
@inline
export const ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5;

/** Residual, ReLU, and store of `cols` (1..8) values. */
function finishRow(c: usize, residual: usize, relu: bool, cols: i32, lo: v128, hi: v128): void {
  if (residual) {
    lo = f32x4.add(lo, loadLanes(residual, cols));
    if (cols > 4) hi = f32x4.add(hi, loadLanes(residual + 16, cols - 4));
  }
  if (relu) {
    lo = relu4(lo);
    hi = relu4(hi);
  }
  storeLanes(c, lo, cols);
  if (cols > 4) storeLanes(c + 16, hi, cols - 4);
}

/**
 * `ROWS` (5 or 6) rows x 8 columns, of which `rows` x `cols` are stored. `single`, a constant: k is one run. `residual`
 * is an address or 0.
 */
// @ts-expect-error: decorator
@inline
export function tileRx8(
  single: bool, q0: usize, q1: usize, q2: usize, q3: usize, q4: usize, q5: usize, pb: usize,
  runsH: i32, runsW: i32, runStepH: usize, runStepW: usize, runBytes: usize,
  c: usize, cStep: usize, residual: usize, relu: bool, rows: i32, cols: i32,
): void {
  if (!runBytes) return; // never: see below
  let c00 = v128.load(pb), c01 = v128.load(pb, 16);
  let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01, c40 = c00, c41 = c01, c50 = c00, c51 = c01;
  pb += 32;
  for (let i = 0; ; ) {
    let r0 = q0, r1 = q1, r2 = q2, r3 = q3, r4 = q4, r5 = q5;
    for (let j = 0; ; ) {
      const end = r0 + runBytes, whole = r0 + (runBytes & ~15);
      let p0 = r0, p1 = r1, p2 = r2, p3 = r3, p4 = r4, p5 = r5;
      // Four k at a time: the rows' pointers move once, and loads at the same offset share an address. Exits that are never taken keep the
      // steps apart: else binaryen folds each sum's four steps into one expression, and V8 spills. V8 finds the test above and drops them.
      while (ROWS == 5 && p0 < whole) {
        let b0 = v128.load(pb), b1 = v128.load(pb, 16), a = b0;
        a = v128.load32_splat(p0); c00 = madd(a, b0, c00); c01 = madd(a, b1, c01);
        a = v128.load32_splat(p1); c10 = madd(a, b0, c10); c11 = madd(a, b1, c11);
        a = v128.load32_splat(p2); c20 = madd(a, b0, c20); c21 = madd(a, b1, c21);
        a = v128.load32_splat(p3); c30 = madd(a, b0, c30); c31 = madd(a, b1, c31);
        a = v128.load32_splat(p4); c40 = madd(a, b0, c40); c41 = madd(a, b1, c41);
        if (!runBytes) break;
        b0 = v128.load(pb, 32); b1 = v128.load(pb, 48);
        a = v128.load32_splat(p0, 4); c00 = madd(a, b0, c00); c01 = madd(a, b1, c01);
        a = v128.load32_splat(p1, 4); c10 = madd(a, b0, c10); c11 = madd(a, b1, c11);
        a = v128.load32_splat(p2, 4); c20 = madd(a, b0, c20); c21 = madd(a, b1, c21);
        a = v128.load32_splat(p3, 4); c30 = madd(a, b0, c30); c31 = madd(a, b1, c31);
        a = v128.load32_splat(p4, 4); c40 = madd(a, b0, c40); c41 = madd(a, b1, c41);
        if (!runBytes) break;
        b0 = v128.load(pb, 64); b1 = v128.load(pb, 80);
        a = v128.load32_splat(p0, 8); c00 = madd(a, b0, c00); c01 = madd(a, b1, c01);
        a = v128.load32_splat(p1, 8); c10 = madd(a, b0, c10); c11 = madd(a, b1, c11);
        a = v128.load32_splat(p2, 8); c20 = madd(a, b0, c20); c21 = madd(a, b1, c21);
        a = v128.load32_splat(p3, 8); c30 = madd(a, b0, c30); c31 = madd(a, b1, c31);
        a = v128.load32_splat(p4, 8); c40 = madd(a, b0, c40); c41 = madd(a, b1, c41);
        if (!runBytes) break;
        b0 = v128.load(pb, 96); b1 = v128.load(pb, 112);
        a = v128.load32_splat(p0, 12); c00 = madd(a, b0, c00); c01 = madd(a, b1, c01);
        a = v128.load32_splat(p1, 12); c10 = madd(a, b0, c10); c11 = madd(a, b1, c11);
        a = v128.load32_splat(p2, 12); c20 = madd(a, b0, c20); c21 = madd(a, b1, c21);
        a = v128.load32_splat(p3, 12); c30 = madd(a, b0, c30); c31 = madd(a, b1, c31);
        a = v128.load32_splat(p4, 12); c40 = madd(a, b0, c40); c41 = madd(a, b1, c41);
        pb += 128;
        p0 += 16;
        p1 += 16;
        p2 += 16;
        p3 += 16;
        p4 += 16;
      }
      while (p0 < end) {
        const b0 = v128.load(pb), b1 = v128.load(pb, 16);
        let a = v128.load32_splat(p0);
        c00 = madd(a, b0, c00);
        c01 = madd(a, b1, c01);
        a = v128.load32_splat(p1);
        c10 = madd(a, b0, c10);
        c11 = madd(a, b1, c11);
        a = v128.load32_splat(p2);
        c20 = madd(a, b0, c20);
        c21 = madd(a, b1, c21);
        a = v128.load32_splat(p3);
        c30 = madd(a, b0, c30);
        c31 = madd(a, b1, c31);
        a = v128.load32_splat(p4);
        c40 = madd(a, b0, c40);
        c41 = madd(a, b1, c41);
        p4 += 4;
        if (ROWS > 5) {
          a = v128.load32_splat(p5);
          c50 = madd(a, b0, c50);
          c51 = madd(a, b1, c51);
          p5 += 4;
        }
        pb += 32;
        p0 += 4;
        p1 += 4;
        p2 += 4;
        p3 += 4;
      }
      if (single || ++j >= runsW) break;
      r0 += runStepW;
      r1 += runStepW;
      r2 += runStepW;
      r3 += runStepW;
      r4 += runStepW;
      if (ROWS > 5) r5 += runStepW;
    }
    if (single || ++i >= runsH) break;
    q0 += runStepH;
    q1 += runStepH;
    q2 += runStepH;
    q3 += runStepH;
    q4 += runStepH;
    if (ROWS > 5) q5 += runStepH;
  }
  if (cols != 8 || rows != ROWS) {
    finishRow(c, residual, relu, cols, c00, c01);
    if (rows < 2) return;
    c += cStep;
    if (residual) residual += cStep;
    finishRow(c, residual, relu, cols, c10, c11);
    if (rows < 3) return;
    c += cStep;
    if (residual) residual += cStep;
    finishRow(c, residual, relu, cols, c20, c21);
    if (rows < 4) return;
    c += cStep;
    if (residual) residual += cStep;
    finishRow(c, residual, relu, cols, c30, c31);
    if (rows < 5) return;
    c += cStep;
    if (residual) residual += cStep;
    finishRow(c, residual, relu, cols, c40, c41);
    if (ROWS == 5 || rows < 6) return;
    c += cStep;
    if (residual) residual += cStep;
    finishRow(c, residual, relu, cols, c50, c51);
    return;
  }
  if (residual) {
    c00 = f32x4.add(c00, v128.load(residual));
    c01 = f32x4.add(c01, v128.load(residual, 16));
    residual += cStep;
    c10 = f32x4.add(c10, v128.load(residual));
    c11 = f32x4.add(c11, v128.load(residual, 16));
    residual += cStep;
    c20 = f32x4.add(c20, v128.load(residual));
    c21 = f32x4.add(c21, v128.load(residual, 16));
    residual += cStep;
    c30 = f32x4.add(c30, v128.load(residual));
    c31 = f32x4.add(c31, v128.load(residual, 16));
    residual += cStep;
    c40 = f32x4.add(c40, v128.load(residual));
    c41 = f32x4.add(c41, v128.load(residual, 16));
    if (ROWS > 5) {
      residual += cStep;
      c50 = f32x4.add(c50, v128.load(residual));
      c51 = f32x4.add(c51, v128.load(residual, 16));
    }
  }
  if (relu) {
    c00 = relu4(c00); c01 = relu4(c01); c10 = relu4(c10); c11 = relu4(c11);
    c20 = relu4(c20); c21 = relu4(c21); c30 = relu4(c30); c31 = relu4(c31);
    c40 = relu4(c40); c41 = relu4(c41);
    if (ROWS > 5) { c50 = relu4(c50); c51 = relu4(c51); }
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  c += cStep;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  c += cStep;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  c += cStep;
  v128.store(c, c30);
  v128.store(c, c31, 16);
  c += cStep;
  v128.store(c, c40);
  v128.store(c, c41, 16);
  if (ROWS > 5) {
    c += cStep;
    v128.store(c, c50);
    v128.store(c, c51, 16);
  }
}

/** One row: matrix times vector, for batch 1 of a fully connected layer. Bound by reading the panels. */
// @ts-expect-error: decorator
@inline
export function tile1x8(
  q0: usize, pb: usize,
  runsH: i32, runsW: i32, runStepH: usize, runStepW: usize, runBytes: usize,
  c: usize, residual: usize, relu: bool, cols: i32,
): void {
  let c00 = v128.load(pb), c01 = v128.load(pb, 16);
  pb += 32;
  for (let i = 0; i < runsH; i++) {
    let r0 = q0;
    for (let j = 0; j < runsW; j++) {
      const end = r0 + runBytes;
      for (let p0 = r0; p0 < end; p0 += 4) {
        const a = v128.load32_splat(p0);
        c00 = madd(a, v128.load(pb), c00);
        c01 = madd(a, v128.load(pb, 16), c01);
        pb += 32;
      }
      r0 += runStepW;
    }
    q0 += runStepH;
  }
  finishRow(c, residual, relu, cols, c00, c01);
}
