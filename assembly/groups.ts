// Products of rows that were packed for them, V: groups of rows, within a group [k / 4][rows][4], one stream of A for a tile of registers. Winograd's
// tiles, Strassen's pairs and packedGemm.ts's rows of A.
import { ROWS } from "./micro";
import { madd } from "./simd";
import { PIECE } from "./slabs";

/**
 * Rows of the next group of a block of Winograd's tiles: the usual tile, and no end of a single row. A group of fewer than 4 is computed as one of 4,
 * the rest is thrown away. Strict: 5x8 where A is packed is as fast as 4x8, and wastes less.
 */
export function groupRows(left: i32): i32 {
  if (ROWS == 5) return left == 4 || left == 8 || left == 12 || left == 16 || left < 5 ? 4 : 5;
  if (left > 14 || (left > 9 && left < 13) || left == 6) return 6;
  return left == 14 || left == 13 || left == 9 || left == 5 ? 5 : 4;
}

/** What sums start with. Never written, so every thread's copy is the same. */
const ZEROS: usize = memory.data(32, 16);

/**
 * `R` (a constant) rows that were written for this: A in [k / 4][R][4], a panel [k][8] from `b` to `end`, rows of C `step` bytes apart. Sums go
 * on from what lies at `start`, rows of `startStep` bytes. One stream of A: several that come from the second-level cache are slower (4x8, k = 512: 14.6 against 20 GB/s of panels).
 */
// @ts-expect-error: decorator
@inline
function groupRx8(R: i32, a: usize, b: usize, end: usize, start: usize, startStep: usize, to: usize, step: usize): void {
  if (!to) return; // never
  let c00 = v128.load(start), c01 = v128.load(start, 16); start += startStep;
  let c10 = v128.load(start), c11 = v128.load(start, 16); start += startStep;
  let c20 = v128.load(start), c21 = v128.load(start, 16); start += startStep;
  let c30 = v128.load(start), c31 = v128.load(start, 16); start += startStep;
  let c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  if (R > 4) { c40 = v128.load(start); c41 = v128.load(start, 16); start += startStep; }
  if (R > 5) { c50 = v128.load(start); c51 = v128.load(start, 16); }
  // As in tileRx8 (micro.ts): four k at a time, with exits between them that are never taken.
  while (b < end) {
    let b0 = v128.load(b), b1 = v128.load(b, 16), v = b0;
    v = v128.load32_splat(a); c00 = madd(v, b0, c00); c01 = madd(v, b1, c01);
    v = v128.load32_splat(a, 16); c10 = madd(v, b0, c10); c11 = madd(v, b1, c11);
    v = v128.load32_splat(a, 32); c20 = madd(v, b0, c20); c21 = madd(v, b1, c21);
    v = v128.load32_splat(a, 48); c30 = madd(v, b0, c30); c31 = madd(v, b1, c31);
    if (R > 4) { v = v128.load32_splat(a, 64); c40 = madd(v, b0, c40); c41 = madd(v, b1, c41); }
    if (R > 5) { v = v128.load32_splat(a, 80); c50 = madd(v, b0, c50); c51 = madd(v, b1, c51); }
    if (!to) break;
    b0 = v128.load(b, 32); b1 = v128.load(b, 48);
    v = v128.load32_splat(a, 4); c00 = madd(v, b0, c00); c01 = madd(v, b1, c01);
    v = v128.load32_splat(a, 20); c10 = madd(v, b0, c10); c11 = madd(v, b1, c11);
    v = v128.load32_splat(a, 36); c20 = madd(v, b0, c20); c21 = madd(v, b1, c21);
    v = v128.load32_splat(a, 52); c30 = madd(v, b0, c30); c31 = madd(v, b1, c31);
    if (R > 4) { v = v128.load32_splat(a, 68); c40 = madd(v, b0, c40); c41 = madd(v, b1, c41); }
    if (R > 5) { v = v128.load32_splat(a, 84); c50 = madd(v, b0, c50); c51 = madd(v, b1, c51); }
    if (!to) break;
    b0 = v128.load(b, 64); b1 = v128.load(b, 80);
    v = v128.load32_splat(a, 8); c00 = madd(v, b0, c00); c01 = madd(v, b1, c01);
    v = v128.load32_splat(a, 24); c10 = madd(v, b0, c10); c11 = madd(v, b1, c11);
    v = v128.load32_splat(a, 40); c20 = madd(v, b0, c20); c21 = madd(v, b1, c21);
    v = v128.load32_splat(a, 56); c30 = madd(v, b0, c30); c31 = madd(v, b1, c31);
    if (R > 4) { v = v128.load32_splat(a, 72); c40 = madd(v, b0, c40); c41 = madd(v, b1, c41); }
    if (R > 5) { v = v128.load32_splat(a, 88); c50 = madd(v, b0, c50); c51 = madd(v, b1, c51); }
    if (!to) break;
    b0 = v128.load(b, 96); b1 = v128.load(b, 112);
    v = v128.load32_splat(a, 12); c00 = madd(v, b0, c00); c01 = madd(v, b1, c01);
    v = v128.load32_splat(a, 28); c10 = madd(v, b0, c10); c11 = madd(v, b1, c11);
    v = v128.load32_splat(a, 44); c20 = madd(v, b0, c20); c21 = madd(v, b1, c21);
    v = v128.load32_splat(a, 60); c30 = madd(v, b0, c30); c31 = madd(v, b1, c31);
    if (R > 4) { v = v128.load32_splat(a, 76); c40 = madd(v, b0, c40); c41 = madd(v, b1, c41); }
    if (R > 5) { v = v128.load32_splat(a, 92); c50 = madd(v, b0, c50); c51 = madd(v, b1, c51); }
    a += R << 4;
    b += 128;
  }
  v128.store(to, c00); v128.store(to, c01, 16); to += step;
  v128.store(to, c10); v128.store(to, c11, 16); to += step;
  v128.store(to, c20); v128.store(to, c21, 16); to += step;
  v128.store(to, c30); v128.store(to, c31, 16); to += step;
  if (R > 4) { v128.store(to, c40); v128.store(to, c41, 16); to += step; }
  if (R > 5) { v128.store(to, c50); v128.store(to, c51, 16); }
}

/**
 * A position: `count` rows of V (`row` bytes each, of which `k` are there) times `panels` panels from `first` on of a slab of `all`, whose weights at this position begin at
 * `b`, to M: `step` bytes a row, `lines` a panel. A piece of a group's rows stays in the first-level cache for all panels, and the
 * panels in the second for all groups: 256 channels at 14x14 (36 positions) 1.77 to 1.41 ms, 512 at 7x7 2.45 to 1.70. Where the next position's weights begin.
 */
export function product(
  a: usize, row: usize, count: i32, b: usize, all: usize, first: usize, panels: usize, k: usize, to: usize, step: usize, lines: usize,
): usize {
  for (let done: usize = 0; done < k; done += PIECE << 2) {
    const bytes = min(k - done, PIECE << 2) << 3, start = b + first * bytes, stop = start + panels * bytes;
    let at = a, line = to;
    for (let left = count, rows = 0; left > 0; left -= rows, at += <usize>rows * row, line += <usize>rows * step) {
      rows = groupRows(left);
      const piece = at + <usize>rows * done;
      for (let from = start, m = line; from < stop; from += bytes, m += lines) {
        if (ROWS > 5 && rows > 5) groupRx8(6, piece, from, from + bytes, done ? m : ZEROS, done ? step : 0, m, step);
        else if (rows > 4) groupRx8(5, piece, from, from + bytes, done ? m : ZEROS, done ? step : 0, m, step);
        else groupRx8(4, piece, from, from + bytes, done ? m : ZEROS, done ? step : 0, m, step);
      }
    }
    b += all * bytes;
  }
  return b;
}
