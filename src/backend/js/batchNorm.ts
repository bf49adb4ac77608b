import type { OpAttrs, View } from "../backend.ts";
import { floats, optionalFloats } from "./view.ts";

/** y = (x − mean) · (weight / sqrt(variance + eps)) + bias, per channel, in 64 bits. Channels are innermost in both ranks. */
export function batchNorm(
  attrs: OpAttrs["batchNorm"],
  inputs: readonly (View | null)[],
  outputs: readonly View[],
): void {
  const x = floats(inputs[0]);
  const weight = optionalFloats(inputs[1]);
  const bias = optionalFloats(inputs[2]);
  const mean = floats(inputs[3]);
  const variance = floats(inputs[4]);
  const y = floats(outputs[0]);
  const c = inputs[0]!.shape[1]!;
  const { eps, relu = false } = attrs;
  const scale = Float64Array.from(variance, (v, i) => (weight === null ? 1 : weight[i]!) / Math.sqrt(v + eps));
  const shift = Float64Array.from(scale, (_, i) => (bias === null ? 0 : bias[i]!));
  for (let from = 0; from < x.length; from += c) {
    for (let i = 0; i < c; i++) {
      const v = (x[from + i]! - mean[i]!) * scale[i]! + shift[i]!;
      y[from + i] = relu && v <= 0 ? 0 : v;
    }
  }
}
