import { add, relu } from "../ops/pointwise.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BatchNorm2d } from "./batchNorm2d.ts";
import { Module } from "./module.ts";
import { pyBool } from "./python.ts";

/** A batch norm in training that nobody listens to. */
function fuses(norm: Module): norm is BatchNorm2d {
  return norm instanceof BatchNorm2d && norm.training && !Object.hasOwn(norm, "forward");
}

/** max(0, x), torch.nn.ReLU. */
export class ReLU extends Module {
  /** Printed only, so that trees equal PyTorch's: whether memory is reused is the planner's business. */
  readonly inplace: boolean;

  constructor(options: { readonly inplace?: boolean } = {}) {
    super();
    this.inplace = options.inplace ?? false;
  }

  /** max(0, x), the same shape. */
  forward(x: Tensor): Tensor {
    return relu(x);
  }

  /** max(0, a + b) in one pass: the end of a residual block. Counts as a use of this module. */
  addForward(a: Tensor, b: Tensor): Tensor {
    return add(a, b, { relu: true });
  }

  /**
   * max(0, norm(x)). A batch norm in training does both in one pass, so that memory is read once and its output is not kept for
   * the backward pass. Counts as a use of this module; a norm that somebody listens to (`onForward`) runs by itself.
   */
  normForward(norm: Module, x: Tensor): Tensor {
    if (fuses(norm)) return norm.forwardRelu(x);
    return tidy(() => relu(norm.forward(x)));
  }

  /** max(0, norm(x) + residual), the end of a residual block; in one pass where {@link normForward} is. */
  normAddForward(norm: Module, x: Tensor, residual: Tensor): Tensor {
    if (fuses(norm)) return norm.forwardRelu(x, residual);
    return tidy(() => add(norm.forward(x), residual, { relu: true }));
  }

  protected override hookedMethods(): readonly string[] {
    return ["forward", "addForward", "normForward", "normAddForward"];
  }

  override extraRepr(): string {
    return this.inplace ? `inplace=${pyBool(true)}` : "";
  }
}
