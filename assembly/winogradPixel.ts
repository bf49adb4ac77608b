import { loadLanes, storeLanes } from "./simd";

/** Ends a pixel of an output tile: plus the value `add` bytes further (unless 0), not below `floor`, which keeps NaN. */
// @ts-expect-error: decorator
@inline
export function pixel(y: usize, add: usize, floor: v128, lanes: i32, v: v128): void {
  if (add) v = f32x4.add(v, loadLanes(y + add, lanes));
  storeLanes(y, f32x4.pmax(v, floor), lanes);
}
