// Register tiles. `q0`..`q3` point at rows of A, `pb` at a panel: 8 bias values, then 8 values for each k. Every tile sums k
// in the same order, so the choice of tile never changes a bit.
import { loadLanes, madd, relu4, storeLanes } from "./simd";

/** Ends a row of a tile: residual, ReLU, store of `cols` (1..8) values. */
// @ts-expect-error: decorator
@inline
export function finishRow(c: usize, residual: usize, relu: bool, cols: i32, lo: v128, hi: v128): void {
  if (cols == 8) {
    if (residual) {
      lo = f32x4.add(lo, v128.load(residual));
      hi = f32x4.add(hi, v128.load(residual, 16));
    }
    if (relu) {
      lo = relu4(lo);
      hi = relu4(hi);
    }
    v128.store(c, lo);
    v128.store(c, hi, 16);
    return;
  }
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
 * `R` (4 or 6, a constant) rows x 8 columns; `rows` (1..R) of them are stored, the others point at a valid row and are thrown away.
 * Six rows need a multiply-add in one instruction, else 16 registers do not hold them.
 */
// @ts-expect-error: decorator
@inline
export function tileRx8(
  R: i32, q0: usize, q1: usize, q2: usize, q3: usize, q4: usize, q5: usize, pb: usize,
  runsH: i32, runsW: i32, runStepH: usize, runStepW: usize, runBytes: usize,
  c: usize, cStep: usize, residual: usize, relu: bool, rows: i32, cols: i32,
): void {
  let c00 = v128.load(pb), c01 = v128.load(pb, 16);
  let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01, c40 = c00, c41 = c01, c50 = c00, c51 = c01;
  pb += 32;
  for (let i = 0; i < runsH; i++) {
    let r0 = q0, r1 = q1, r2 = q2, r3 = q3, r4 = q4, r5 = q5;
    for (let j = 0; j < runsW; j++) {
      const end = r0 + runBytes;
      let p0 = r0, p1 = r1, p2 = r2, p3 = r3, p4 = r4, p5 = r5;
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
        if (R > 4) {
          a = v128.load32_splat(p4);
          c40 = madd(a, b0, c40);
          c41 = madd(a, b1, c41);
          a = v128.load32_splat(p5);
          c50 = madd(a, b0, c50);
          c51 = madd(a, b1, c51);
          p4 += 4;
          p5 += 4;
        }
        pb += 32;
        p0 += 4;
        p1 += 4;
        p2 += 4;
        p3 += 4;
      }
      r0 += runStepW;
      r1 += runStepW;
      r2 += runStepW;
      r3 += runStepW;
      r4 += runStepW;
      r5 += runStepW;
    }
    q0 += runStepH;
    q1 += runStepH;
    q2 += runStepH;
    q3 += runStepH;
    q4 += runStepH;
    q5 += runStepH;
  }
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
  if (R == 4 || rows < 5) return;
  c += cStep;
  if (residual) residual += cStep;
  finishRow(c, residual, relu, cols, c40, c41);
  if (rows < 6) return;
  c += cStep;
  if (residual) residual += cStep;
  finishRow(c, residual, relu, cols, c50, c51);
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
