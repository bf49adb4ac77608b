import { add, relu } from "../ops/pointwise.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BatchNorm2d } from "./batchNorm2d.ts";
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

  /** max(0, x), the same shape. */
  forward(x: Tensor): Tensor {
    return relu(x);
  }

  /** max(0, a + b) in one pass: the end of a residual block. Counts as a use of this module. */
  addForward(a: Tensor, b: Tensor): Tensor {
    return addActivate(this, a, b);
  }

  /**
   * max(0, norm(x)). A batch norm in training does both in one pass, so that memory is read once and its output is not kept for
   * the backward pass. Counts as a use of this module; a norm that somebody listens to (`onForward`) runs by itself.
   */
  normForward(norm: Module, x: Tensor): Tensor {
    return normActivate(this, norm, x);
  }

  /** max(0, norm(x) + residual), the end of a residual block; in one pass where {@link normForward} is. */
  normAddForward(norm: Module, x: Tensor, residual: Tensor): Tensor {
    return normActivate(this, norm, x, residual);
  }

  override extraRepr(): string {
    return this.inplace ? `inplace=${pyBool(true)}` : "";
  }
}

/** A ReLU whose forward nobody overrides or listens to: then it may be a part of what comes before it. */
function joins(act: Module): boolean {
  return act.forward === ReLU.prototype.forward;
}

/** act(a + b), the end of a residual block; in one pass where `act` is a ReLU. Any module may stand there. */
export function addActivate(act: Module, a: Tensor, b: Tensor): Tensor {
  return joins(act) ? add(a, b, { relu: true }) : tidy(() => act.forward(add(a, b)));
}

/** act(norm(x)) or act(norm(x) + residual); in one pass where `act` is a ReLU and `norm` a batch norm in training, both as they come. */
export function normActivate(act: Module, norm: Module, x: Tensor, residual?: Tensor): Tensor {
  const own = norm.forward === BatchNorm2d.prototype.forward && norm.training;
  if (own && joins(act)) return (norm as BatchNorm2d).forwardRelu(x, residual);
  return tidy(() => {
    const y = norm.forward(x);
    return residual ? addActivate(act, y, residual) : act.forward(y);
  });
}
