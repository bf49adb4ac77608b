import { ArgumentError, ResNetError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { pyFloat } from "./python.ts";

/** Zeroes a random share `p` of the values in training and does nothing in evaluation, torch.nn.Dropout. */
export class Dropout extends Module {
  readonly p: number;

  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p < 1)) throw new ArgumentError(`Dropout: p must be at least 0 and below 1, got ${p}`);
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    return this.training && this.p > 0 ? this.forwardTraining(x) : x;
  }

  protected forwardTraining(_x: Tensor): Tensor {
    throw new ResNetError("Dropout: training mode is not there yet; call net.eval()", { code: "ERR_NOT_SUPPORTED" });
  }

  override extraRepr(): string {
    return `p=${pyFloat(this.p)}, inplace=False`;
  }
}
