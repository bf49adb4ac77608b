import { loadLanes, relu4, storeLanes } from "./simd";

/** Ends a pixel of an output tile. */
// @ts-expect-error: decorator
@inline
export function pixel(y: usize, residual: usize, relu: bool, lanes: i32, v: v128): void {
  if (residual) v = f32x4.add(v, loadLanes(residual, lanes));
  if (relu) v = relu4(v);
  storeLanes(y, v, lanes);
}
