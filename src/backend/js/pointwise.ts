import type { OpAttrs, View } from "../backend.ts";
import { floats } from "./view.ts";

/** max(0, x); NaN stays NaN (NaN <= 0 is false). */
export function relu(_attrs: OpAttrs["relu"], inputs: readonly (View | null)[], outputs: readonly View[]): void {
  const x = floats(inputs[0]);
  const y = floats(outputs[0]);
  for (let i = 0; i < y.length; i++) {
    const v = x[i]!;
    y[i] = v <= 0 ? 0 : v;
  }
}

/** a + b, with `relu` max(0, a + b). */
export function add(attrs: OpAttrs["add"], inputs: readonly (View | null)[], outputs: readonly View[]): void {
  const a = floats(inputs[0]);
  const b = floats(inputs[1]);
  const y = floats(outputs[0]);
  const { relu: positive = false } = attrs;
  for (let i = 0; i < y.length; i++) {
    const v = a[i]! + b[i]!;
    y[i] = positive && v <= 0 ? 0 : v;
  }
}

/** x · factor. */
export function mulScalar(
  attrs: OpAttrs["mulScalar"],
  inputs: readonly (View | null)[],
  outputs: readonly View[],
): void {
  const x = floats(inputs[0]);
  const y = floats(outputs[0]);
  const { factor } = attrs;
  for (let i = 0; i < y.length; i++) y[i] = x[i]! * factor;
}
