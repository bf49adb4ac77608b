import type { OpAttrs, OpName } from "../backend/backend.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What an op is to the rest of the library: its shapes, its cost, and its gradient, side by side in one file of src/ops. */
export interface OpDefinition<K extends OpName> {
  readonly name: K;
  /** Output shapes; the one place where shapes are checked. @throws ShapeError */
  shapes(attrs: OpAttrs[K], inputs: readonly (Shape | null)[]): Shape[];
  /** Multiply-accumulates of one launch. */
  macs?(attrs: OpAttrs[K], inputs: readonly (Shape | null)[], outputs: readonly Shape[]): number;
  /** Which tensors `gradient` reads; everything else is free to go after the forward pass. */
  readonly saves?: Saves | ((attrs: OpAttrs[K]) => Saves);
  /** Gradients of the inputs (null where none is needed), from those of the outputs. */
  gradient?(g: GradientContext<K>): (Tensor | null)[];
}

/** Numbers of inputs and outputs. */
export interface Saves {
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
}

export interface GradientContext<K extends OpName> {
  readonly attrs: OpAttrs[K];
  /** Input shapes. */
  readonly shapes: readonly (Shape | null)[];
  /** The inputs named in `saves`; the others are null. */
  readonly inputs: readonly (Tensor | null)[];
  /** The outputs named in `saves`; the others are null. */
  readonly outputs: readonly (Tensor | null)[];
  /** Gradients of the outputs; null where nobody used the output. */
  readonly dys: readonly (Tensor | null)[];
  /** Which inputs want a gradient. */
  readonly needs: readonly boolean[];
  /** Takes over what has been summed up for an input so far, to add it in the same pass as this op's own gradient. */
  readonly take: (input: number) => Tensor | null;
}
