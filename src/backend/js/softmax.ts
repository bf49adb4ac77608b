import { exp, log } from "../../tensor/math.ts";
import type { OpAttrs, View } from "../backend.ts";
import { floats } from "./view.ts";

/**
 * exp(x − max) / Σ exp(x − max) over each row, or its logarithm x − max − log Σ exp(x − max); 64 bits, summed in the
 * order of the row. A NaN in a row makes the whole row NaN.
 */
export function softmax(attrs: OpAttrs["softmax"], inputs: readonly (View | null)[], outputs: readonly View[]): void {
  const x = floats(inputs[0]);
  const y = floats(outputs[0]);
  const k = inputs[0]!.shape[1]!;
  const powers = new Float64Array(k);
  for (let from = 0; from < x.length; from += k) {
    let max = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < k; i++) if (x[from + i]! > max) max = x[from + i]!;
    let sum = 0;
    for (let i = 0; i < k; i++) {
      powers[i] = exp(x[from + i]! - max);
      sum += powers[i]!;
    }
    if (attrs.log) {
      const logSum = log(sum);
      for (let i = 0; i < k; i++) y[from + i] = x[from + i]! - max - logSum;
    } else {
      for (let i = 0; i < k; i++) y[from + i] = powers[i]! / sum;
    }
  }
}
