import { add, relu } from "../ops/pointwise.ts";
import { checkOptions } from "../options.ts";
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
    checkOptions("ReLU", options, "inplace");
    this.inplace = options.inplace ?? false;
  }

  /** max(0, x), the same shape. */
  forward(x: Tensor): Tensor {
    return relu(x);
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

/**
 * act(norm(x)) or act(norm(x) + residual). Where `act` is a ReLU and `norm` a batch norm in training, both as they come, they are one pass:
 * memory is read once, and the norm's output is not kept for the backward pass.
 */
export function normActivate(act: Module, norm: Module, x: Tensor, residual?: Tensor): Tensor {
  const own = norm.forward === BatchNorm2d.prototype.forward && norm.training;
  if (own && joins(act)) return (norm as BatchNorm2d).forwardRelu(x, residual);
  return tidy(() => {
    const y = norm.forward(x);
    return residual ? addActivate(act, y, residual) : act.forward(y);
  });
}
