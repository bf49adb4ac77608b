import { launchHere } from "../autograd/apply.ts";
import type { OpAttrs, OpName } from "../backend/backend.ts";
import type { Shape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Launches an op that nobody differentiates (a gradient) and returns its outputs. */
export function launch<K extends OpName>(
  op: K,
  attrs: OpAttrs[K],
  inputs: readonly (Tensor | null)[],
  outputs: readonly Shape[],
): Tensor[] {
  const made = outputs.map((shape) => Tensor.empty(shape));
  launchHere(op, attrs, inputs, made);
  return made;
}
