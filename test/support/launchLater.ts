import type { Backend, OpAttrs, OpName, View } from "../../src/backend/backend.ts";
import { setMemory } from "../../src/tensor/memory.ts";
import { numel, type Shape } from "../../src/tensor/shape.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

export interface Filled {
  readonly shape: Shape;
  /** Row-major in the shape's order. */
  readonly data: Float32Array;
}

/**
 * One launch on a backend that may read only asynchronously. Outputs start as given (in-place ops) or as NaN. Gives back the values of
 * outputs, then of inputs (some are updated in place), row-major.
 */
export async function launchLater<K extends OpName>(
  backend: Backend,
  op: K,
  attrs: OpAttrs[K],
  inputs: readonly (Filled | null)[],
  outputs: readonly (Filled | Shape)[],
): Promise<Float32Array[]> {
  const previous = setMemory(backend);
  let tensors: (Tensor | null)[];
  let results: Tensor[];
  try {
    tensors = inputs.map((v) => v && Tensor.empty(v.shape).set(v.data));
    results = outputs.map((v) =>
      "data" in v
        ? Tensor.empty(v.shape).set(v.data)
        : Tensor.empty(v as Shape).set(new Float32Array(numel(v as Shape)).fill(Number.NaN)),
    );
    backend.launch(op, attrs, tensors as readonly (View | null)[], results);
  } finally {
    setMemory(previous);
  }
  const all = [...results, ...tensors.filter((t) => t !== null)];
  try {
    return await Promise.all(all.map((t) => t.data()));
  } finally {
    for (const t of all) t.dispose();
  }
}
