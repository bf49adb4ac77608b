import { ArgumentError } from "../errors.ts";
import { kindOf } from "../platform/kinds.ts";
import { numel, type Shape } from "../tensor/shape.ts";
import type { LazyValues } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";

/**
 * A tensor that training changes. It belongs to its module, so no `tidy` disposes it, and it holds no memory until
 * somebody looks at its values. `requiresGrad = false` freezes it; it stays a parameter.
 */
export class Parameter extends Tensor {
  /** On the values of `tensor`, which they share: it may be disposed. */
  constructor(tensor: Tensor) {
    if (!(tensor instanceof Tensor)) throw new ArgumentError(`Parameter: needs a tensor, got ${kindOf(tensor)}`);
    super(tensor.storage.retain(), tensor.shape);
    this.requiresGrad = true;
    this.keep();
  }
}

/** A parameter whose values (row-major) are computed at the first use. */
export function lazyParameter(shape: Shape, values: LazyValues): Parameter {
  const tensor = Tensor.lazy(shape, values);
  const made = new Parameter(tensor);
  tensor.dispose();
  return made;
}

/** A tensor that belongs to a module and is saved with it, but that training does not change by gradients: running statistics. */
export function buffer(shape: Shape, value: number): Tensor {
  return Tensor.lazy(shape, constant(shape, value)).keep();
}

/** Deferred values that are all the same. */
export function constant(shape: Shape, value: number): LazyValues {
  return { materialise: () => new Float32Array(numel(shape)).fill(value), cancel: () => {} };
}
