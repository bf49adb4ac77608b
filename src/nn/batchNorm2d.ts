import { recomputing } from "../autograd/recompute.ts";
import { batchNorm, batchNormTrain } from "../ops/batchNorm.ts";
import { checkOptions, checkPositive, checkWhole } from "../options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { buffer, constant, lazyParameter, type Parameter } from "./parameter.ts";
import { pyBool, pyFloat } from "./python.ts";

/** `torch.nn.BatchNorm2d`'s arguments. */
export interface BatchNorm2dOptions {
  /** Added to the variance; 1e-5 by default. */
  readonly eps?: number;
  /** Share of the new batch in the running statistics (PyTorch's meaning; Keras counts the old share; PyTorch's None, an average over all batches, is not there). 0.1 by default. */
  readonly momentum?: number;
  /** A weight and a bias for each channel; true by default. */
  readonly affine?: boolean;
}

/** Batch normalisation over n, h, w of [n, c, h, w] (or over n of [n, c]), torch.nn.BatchNorm2d. */
export class BatchNorm2d extends Module {
  weight: Parameter | null;
  bias: Parameter | null;
  running_mean: Tensor;
  running_var: Tensor;
  /** A whole number, kept as a float: exact up to 2^24. */
  num_batches_tracked: Tensor;
  readonly numFeatures: number;
  readonly eps: number;
  momentum: number;

  constructor(numFeatures: number, options: BatchNorm2dOptions = {}) {
    super();
    checkOptions("BatchNorm2d", options, "eps momentum affine");
    checkWhole("BatchNorm2d", { numFeatures });
    const { eps = 1e-5, momentum = 0.1, affine = true } = options;
    checkPositive("BatchNorm2d", { eps, momentum });
    const shape = [numFeatures];
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? lazyParameter(shape, constant(shape, 1)) : null;
    this.bias = affine ? lazyParameter(shape, constant(shape, 0)) : null;
    this.running_mean = buffer(shape, 0);
    this.running_var = buffer(shape, 1);
    this.num_batches_tracked = buffer([], 0);
  }

  /** [n, c, h, w] or [n, c] to the same shape; in training by the batch's statistics, which update the running ones. @throws ShapeError */
  forward(x: Tensor): Tensor {
    return this.training ? this.forwardTraining(x) : this.forwardEvaluation(x);
  }

  /** max(0, forward(x) + residual) in training, in one pass. */
  forwardRelu(x: Tensor, residual?: Tensor): Tensor {
    return this.forwardTraining(x, { relu: true, ...(residual ? { residual } : {}) });
  }

  /** Normalises by the batch's own statistics and updates the running ones (not again while a block is recomputed). */
  protected forwardTraining(x: Tensor, behind: { readonly relu?: boolean; readonly residual?: Tensor } = {}): Tensor {
    const { eps, momentum, num_batches_tracked: batches } = this;
    if (recomputing()) return batchNormTrain(x, null, null, this.weight, this.bias, { eps, momentum, ...behind });
    const options = { eps, momentum, batches, ...behind };
    return batchNormTrain(x, this.running_mean, this.running_var, this.weight, this.bias, options);
  }

  protected forwardEvaluation(x: Tensor): Tensor {
    return batchNorm(x, this.running_mean, this.running_var, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return (
      `${this.numFeatures}, eps=${pyFloat(this.eps)}, momentum=${pyFloat(this.momentum)}, ` +
      `affine=${pyBool(this.weight !== null)}, track_running_stats=True`
    );
  }
}
