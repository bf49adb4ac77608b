import * as assert from "uvu/assert";
import { type Compilable, type Tensor, tensor, tidy } from "../../src/index.ts";
import { fillInput } from "./fill.ts";

/** Helpers of the suites of compiled networks. */

/** max |difference| over max |expected| */
export function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(found[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  assert.is(found.length, expected.length);
  return difference / largest;
}

/** Reads and gives back. */
export function values(y: Tensor): Float32Array {
  const data = y.dataSync();
  y.dispose();
  return data;
}

/** The picture of the golden logits, or another for another key. */
export const picture = (shape: [number, number, number, number], key?: string): Tensor =>
  tensor(fillInput(shape, key), shape);

/** A function of tensors as a network. */
export function network<Out>(weights: Record<string, Tensor>, forward: (x: Tensor) => Out): Compilable<Out> {
  return { forward: (x) => tidy(() => forward(x)), stateDict: () => new Map(Object.entries(weights)) };
}

/** Values that differ, of this shape. */
export const ramp = (shape: readonly number[], step = 0.37): Tensor => {
  const length = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length }, (_, i) => Math.sin(i * step)),
    shape,
  );
};
