import { add, relu } from "../ops/pointwise.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { pyBool } from "./python.ts";

/** max(0, x), torch.nn.ReLU. */
export class ReLU extends Module {
  /** Printed only, so that trees equal PyTorch's: whether memory is reused is the planner's business. */
  readonly inplace: boolean;

  constructor(options: { readonly inplace?: boolean } = {}) {
    super();
    this.inplace = options.inplace ?? false;
  }

  forward(x: Tensor): Tensor {
    return relu(x);
  }

  /** max(0, a + b) in one pass: the end of a residual block. Counts as a use of this module. */
  addForward(a: Tensor, b: Tensor): Tensor {
    return add(a, b, { relu: true });
  }

  protected override hookedMethods(): readonly string[] {
    return ["forward", "addForward"];
  }

  override extraRepr(): string {
    return this.inplace ? `inplace=${pyBool(true)}` : "";
  }
}
