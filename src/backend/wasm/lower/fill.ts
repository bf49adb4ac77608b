import { isTurned } from "../../../tensor/layout.ts";
import { numel, type Shape } from "../../../tensor/shape.ts";
import type { LowerContext } from "./context.ts";

/** Values that one call looks at: 64 KB, still in the caches since they were read or turned. */
const chunk = 1 << 14;

/** Row-major values at address `from` to a tensor's bytes at `to` (the same place where nothing turns); a word at `flag` says if one is not finite. */
export function lowerFill(
  context: LowerContext,
  { from, to, shape, flag }: { from: number; to: number; shape: Shape; flag: number },
): void {
  const length = numel(shape);
  context.emit("notFinite", Math.ceil(length / chunk), { x: from, flag, length, perTile: chunk });
  if (!isTurned(shape)) return;
  const [n, c, h, w] = shape as [number, number, number, number];
  context.emit("transpose", n, { x: from, y: to, rows: c, columns: h * w });
}
