import type { OpAttrs, View } from "../backend.ts";
import { dotRows, finish, rowsPerTile } from "./dot.ts";
import { floats, optionalFloats } from "./view.ts";

/** y[n, m] = bias[m] + Σ_k x[n, k] · weight[m, k] (+ residual, then ReLU), summed in the order of k. */
export function linear(attrs: OpAttrs["linear"], inputs: readonly (View | null)[], outputs: readonly View[]): void {
  const x = floats(inputs[0]);
  const weight = floats(inputs[1]);
  const bias = optionalFloats(inputs[2]);
  const residual = optionalFloats(inputs[3]);
  const y = floats(outputs[0]);
  const [n, k] = inputs[0]!.shape as readonly [number, number];
  const m = outputs[0]!.shape[1]!;
  const { relu = false } = attrs;
  const rows = new Float64Array(rowsPerTile * k);
  const sums = new Float64Array(rowsPerTile * m);
  for (let first = 0; first < n; first += rowsPerTile) {
    const count = Math.min(rowsPerTile, n - first);
    rows.set(x.subarray(first * k, (first + count) * k));
    dotRows(rows, weight, 0, k, m, bias, 0, sums);
    finish(sums, 0, y, first * m, count * m, residual, relu);
  }
}
