// The only file that knows which binary this is: one multiply-add, strict (two roundings, the same bits on every CPU) or
// relaxed (one or two roundings, as the CPU likes).

// @ts-expect-error: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

/** c - a · b */
// @ts-expect-error: decorator
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/** max(0, x) that keeps NaN: pmax(x, 0) is `x < 0 ? 0 : x`, one instruction on x86 where f32x4.max takes several. */
// @ts-expect-error: decorator
@inline
export function relu4(x: v128): v128 {
  return f32x4.pmax(x, f32x4.splat(0));
}

// @ts-expect-error: decorator
@inline
export function relu1(x: f32): f32 {
  return x < 0 ? 0 : x;
}

/** Stores the first `count` (1..4) lanes. */
// @ts-expect-error: decorator
@inline
export function storeLanes(at: usize, v: v128, count: i32): void {
  if (count >= 4) {
    v128.store(at, v);
    return;
  }
  f32.store(at, f32x4.extract_lane(v, 0));
  if (count > 1) f32.store(at, f32x4.extract_lane(v, 1), 4);
  if (count > 2) f32.store(at, f32x4.extract_lane(v, 2), 8);
}

/** Loads the first `count` (1..4) lanes, zeros behind. Never reads past them. */
// @ts-expect-error: decorator
@inline
export function loadLanes(at: usize, count: i32): v128 {
  if (count >= 4) return v128.load(at);
  let v = v128.load32_zero(at);
  if (count > 1) v = f32x4.replace_lane(v, 1, f32.load(at, 4));
  if (count > 2) v = f32x4.replace_lane(v, 2, f32.load(at, 8));
  return v;
}
