// Register tiles for operands that were both written for them: A in [k / 4][rows][4], a panel of B in [k][8]. One pointer walks
// each, everything else is a constant offset. C goes to `to`, 8 floats a row. k is summed in order, so the number of rows
// never changes a bit.
import { madd } from "./simd";

/** Rows of a register tile: what 16 registers hold without spilling (the strict 4x8 tile as in other measurements of the same machine kind; 6x8 relaxed has not shown a gain yet). */
// @ts-expect-error: decorator
@inline
export const ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;

// @ts-expect-error: decorator
@inline
function rowsBy8(rows: i32, a: usize, b: usize, end: usize, to: usize): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  let c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  const step = (<usize>rows) << 4;
  for (; b < end; b += 128, a += step) {
    let b0 = v128.load(b), b1 = v128.load(b, 16), v = v128.load32_splat(a);
    c00 = madd(v, b0, c00); c01 = madd(v, b1, c01);
    v = v128.load32_splat(a, 16); c10 = madd(v, b0, c10); c11 = madd(v, b1, c11);
    v = v128.load32_splat(a, 32); c20 = madd(v, b0, c20); c21 = madd(v, b1, c21);
    v = v128.load32_splat(a, 48); c30 = madd(v, b0, c30); c31 = madd(v, b1, c31);
    if (rows > 4) { v = v128.load32_splat(a, 64); c40 = madd(v, b0, c40); c41 = madd(v, b1, c41); }
    if (rows > 5) { v = v128.load32_splat(a, 80); c50 = madd(v, b0, c50); c51 = madd(v, b1, c51); }

    b0 = v128.load(b, 32); b1 = v128.load(b, 48); v = v128.load32_splat(a, 4);
    c00 = madd(v, b0, c00); c01 = madd(v, b1, c01);
    v = v128.load32_splat(a, 20); c10 = madd(v, b0, c10); c11 = madd(v, b1, c11);
    v = v128.load32_splat(a, 36); c20 = madd(v, b0, c20); c21 = madd(v, b1, c21);
    v = v128.load32_splat(a, 52); c30 = madd(v, b0, c30); c31 = madd(v, b1, c31);
    if (rows > 4) { v = v128.load32_splat(a, 68); c40 = madd(v, b0, c40); c41 = madd(v, b1, c41); }
    if (rows > 5) { v = v128.load32_splat(a, 84); c50 = madd(v, b0, c50); c51 = madd(v, b1, c51); }

    b0 = v128.load(b, 64); b1 = v128.load(b, 80); v = v128.load32_splat(a, 8);
    c00 = madd(v, b0, c00); c01 = madd(v, b1, c01);
    v = v128.load32_splat(a, 24); c10 = madd(v, b0, c10); c11 = madd(v, b1, c11);
    v = v128.load32_splat(a, 40); c20 = madd(v, b0, c20); c21 = madd(v, b1, c21);
    v = v128.load32_splat(a, 56); c30 = madd(v, b0, c30); c31 = madd(v, b1, c31);
    if (rows > 4) { v = v128.load32_splat(a, 72); c40 = madd(v, b0, c40); c41 = madd(v, b1, c41); }
    if (rows > 5) { v = v128.load32_splat(a, 88); c50 = madd(v, b0, c50); c51 = madd(v, b1, c51); }

    b0 = v128.load(b, 96); b1 = v128.load(b, 112); v = v128.load32_splat(a, 12);
    c00 = madd(v, b0, c00); c01 = madd(v, b1, c01);
    v = v128.load32_splat(a, 28); c10 = madd(v, b0, c10); c11 = madd(v, b1, c11);
    v = v128.load32_splat(a, 44); c20 = madd(v, b0, c20); c21 = madd(v, b1, c21);
    v = v128.load32_splat(a, 60); c30 = madd(v, b0, c30); c31 = madd(v, b1, c31);
    if (rows > 4) { v = v128.load32_splat(a, 76); c40 = madd(v, b0, c40); c41 = madd(v, b1, c41); }
    if (rows > 5) { v = v128.load32_splat(a, 92); c50 = madd(v, b0, c50); c51 = madd(v, b1, c51); }
  }
  v128.store(to, c00); v128.store(to, c01, 16);
  v128.store(to, c10, 32); v128.store(to, c11, 48);
  v128.store(to, c20, 64); v128.store(to, c21, 80);
  v128.store(to, c30, 96); v128.store(to, c31, 112);
  if (rows > 4) { v128.store(to, c40, 128); v128.store(to, c41, 144); }
  if (rows > 5) { v128.store(to, c50, 160); v128.store(to, c51, 176); }
}

export function groupOf4(a: usize, b: usize, end: usize, to: usize): void {
  rowsBy8(4, a, b, end, to);
}

export function groupOfRows(a: usize, b: usize, end: usize, to: usize): void {
  rowsBy8(ROWS, a, b, end, to);
}
