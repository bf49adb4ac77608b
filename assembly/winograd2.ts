// The transforms of F(2x2, 3x3), four channels at a time: additions only.

/** Bᵀd of four vectors, stored `step` bytes apart. */
// @ts-expect-error: decorator
@inline
function inputColumn(d0: v128, d1: v128, d2: v128, d3: v128, to: usize, step: usize): void {
  v128.store(to, f32x4.sub(d0, d2));
  v128.store(to + step, f32x4.add(d1, d2));
  v128.store(to + 2 * step, f32x4.sub(d2, d1));
  v128.store(to + 3 * step, f32x4.sub(d1, d3));
}

/** Four channels of an input tile, whose pixels `p` points at, to V: `rows` rows of vectors `step` bytes apart, the last of four from `low` on. */
// @ts-expect-error: decorator
@inline
export function inputTile2(p: usize, s: usize, offset: usize, to: usize, low: usize, step: usize, rows: i32): void {
  let t = s;
  for (let j = 0; j < 4; j++, p += 4, t += 16) {
    inputColumn(
      v128.load(load<usize>(p) + offset), v128.load(load<usize>(p, 16) + offset),
      v128.load(load<usize>(p, 32) + offset), v128.load(load<usize>(p, 48) + offset), t, 64,
    );
  }
  t = s;
  for (let i = 0; i < rows; i++, t += 64, to += 4 * step) {
    inputColumn(v128.load(t), v128.load(t, 16), v128.load(t, 32), v128.load(t, 48), i < 3 ? to : low + 12 * step, step);
  }
}

/** Aᵀm of the columns of a tile of M, four channels of [4][4][8] (the last row lies at `low`), to two rows of vectors, 96 bytes apart. */
// @ts-expect-error: decorator
@inline
export function columns2(m: usize, low: usize, to: usize): void {
  for (const end = m + 128; m < end; m += 32, low += 32, to += 16) {
    const m1 = v128.load(m, 128), m2 = v128.load(m, 256);
    v128.store(to, f32x4.add(f32x4.add(v128.load(m), m1), m2));
    v128.store(to, f32x4.sub(f32x4.sub(m1, m2), v128.load(low, 384)), 96);
  }
}
