/** Four vectors, turned, to four places 32 bytes apart: half of four rows of a panel. */
// @ts-expect-error: decorator
@inline
export function turn(a: v128, b: v128, c: v128, d: v128, to: usize): void {
  const e = v128.shuffle<f32>(a, b, 0, 4, 1, 5), f = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const g = v128.shuffle<f32>(a, b, 2, 6, 3, 7), h = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f64>(e, f, 0, 2));
  v128.store(to, v128.shuffle<f64>(e, f, 1, 3), 32);
  v128.store(to, v128.shuffle<f64>(g, h, 0, 2), 64);
  v128.store(to, v128.shuffle<f64>(g, h, 1, 3), 96);
}
