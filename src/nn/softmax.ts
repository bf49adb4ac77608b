import { softmax } from "../ops/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/** Probabilities from logits [n, k], torch.nn.Softmax(dim=1). */
export class Softmax extends Module {
  /** [n, k] to [n, k]: each row sums to 1. @throws ShapeError */
  forward(x: Tensor): Tensor {
    return softmax(x);
  }

  override extraRepr(): string {
    return "dim=1";
  }
}
