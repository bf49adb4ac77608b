// The register tile of weight gradients: C[4][8] += Aᵀ B over many rows. A lies in [rows][4], B in [rows][8]; C is 32 floats in
// one piece. The loop is not unrolled: by four it went at 24 GFLOP/s instead of 31 (1024x64x64). Rows are summed in order and added to
// C once, so bits depend on how the rows are cut and on nothing else.
import { madd } from "./simd";

// @ts-expect-error: decorator
@inline
function row(at: usize, add: bool, lo: v128, hi: v128): void {
  if (add) {
    lo = f32x4.add(v128.load(at), lo);
    hi = f32x4.add(v128.load(at, 16), hi);
  }
  v128.store(at, lo);
  v128.store(at, hi, 16);
}

/** @param end where B ends @param add false stores the sum instead of adding it */
export function outer4x8(a: usize, b: usize, end: usize, c: usize, add: bool): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  for (; b < end; b += 32, a += 16) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let v = v128.load32_splat(a);
    c00 = madd(v, b0, c00); c01 = madd(v, b1, c01);
    v = v128.load32_splat(a, 4); c10 = madd(v, b0, c10); c11 = madd(v, b1, c11);
    v = v128.load32_splat(a, 8); c20 = madd(v, b0, c20); c21 = madd(v, b1, c21);
    v = v128.load32_splat(a, 12); c30 = madd(v, b0, c30); c31 = madd(v, b1, c31);
  }
  row(c, add, c00, c01);
  row(c + 32, add, c10, c11);
  row(c + 64, add, c20, c21);
  row(c + 96, add, c30, c31);
}
