import type { LowerContext } from "./context.ts";

/** Rows of a chunk whose sum is taken in f32 before chunks are summed in f64: 256 rows of 64 channels are 64 KB. */
export const chunkRows = 256;
const perTile = 1024;

/** y[i] = factor · Σ_j x[j][i]. */
export function emitReduce(
  context: LowerContext,
  { x, y, count, length, factor = 1 }: { x: number; y: number; count: number; length: number; factor?: number },
): void {
  context.emit("reduce", Math.ceil(length / perTile), { x, y, count, length, factor, perTile });
}
