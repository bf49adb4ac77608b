import { loadLanes, storeLanes } from "./simd";

/** Ends a pixel of an output tile: plus the value `add` bytes further (unless 0), not below `floor`, which keeps NaN. */
// @ts-expect-error: decorator
@inline
export function pixel(y: usize, add: usize, floor: v128, lanes: i32, v: v128): void {
  if (lanes < 4) {
    partOfPixel(y, add, floor, lanes, v);
    return;
  }
  if (add) v = f32x4.add(v, v128.load(y + add));
  v128.store(y, f32x4.pmax(v, floor));
}

/** The same of the last 1 to 3 channels. */
function partOfPixel(y: usize, add: usize, floor: v128, lanes: i32, v: v128): void {
  if (add) v = f32x4.add(v, loadLanes(y + add, lanes));
  storeLanes(y, f32x4.pmax(v, floor), lanes);
}
