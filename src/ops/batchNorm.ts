import { apply, checkHome, launchHere } from "../autograd/apply.ts";
import type { OpDefinition } from "../autograd/definition.ts";
import { ShapeError } from "../errors.ts";
import { checkOptions, checkPositive } from "../options.ts";
import { formatShape, numel } from "../tensor/shape.ts";
import { full, type Tensor } from "../tensor/tensor.ts";
import { needShape } from "./check.ts";
import { launch } from "./launch.ts";

export const batchNormOp: OpDefinition<"batchNorm"> = {
  name: "batchNorm",
  shapes(_attrs, [x, weight, bias, mean, variance]) {
    if (!x || (x.length !== 4 && x.length !== 2)) {
      throw new ShapeError("batchNorm", `input must be [n, c, h, w] or [n, c], got ${x ? formatShape(x) : "nothing"}`);
    }
    const c = [x[1]!];
    needShape("batchNorm", "weight", weight, c);
    needShape("batchNorm", "bias", bias, c);
    needShape("batchNorm", "running_mean", mean, c);
    needShape("batchNorm", "running_var", variance, c);
    return [x];
  },
  saves: { inputs: [0, 1, 2, 3, 4] },
  gradient({ attrs, shapes: [x], inputs: [values, weight, bias, mean, variance], dys: [dy] }) {
    const c = [x![1]!];
    const frozen = { ...attrs, frozen: true };
    return launch("batchNormGrad", frozen, [values!, dy!, mean!, variance!, weight!, bias!], [x!, c, c]);
  },
};

export const batchNormTrainOp: OpDefinition<"batchNormTrain"> = {
  name: "batchNormTrain",
  shapes(attrs, [x, weight, bias, mean, variance, residual]) {
    needShape("batchNorm", "residual", residual ?? null, x!);
    const [y] = batchNormOp.shapes(attrs, [x!, weight!, bias!, mean ?? null, variance ?? null]);
    const rows = numel(x!) / x![1]!;
    if (rows < 2) {
      throw new ShapeError(
        "batchNorm",
        `in training more than one value per channel is needed, got input ${formatShape(x!)}; use a larger batch or net.eval()`,
      );
    }
    return [y!, [x![1]!], [x![1]!]];
  },
  // Behind a sum the ReLU's mask cannot be had from x alone: the output is kept, which the next layer keeps anyway.
  saves: ({ relu, residual }) => ({ inputs: [0, 1, 2], outputs: relu && residual ? [0, 1, 2] : [1, 2] }),
  gradient({
    attrs: { eps, relu, residual },
    shapes: [x],
    inputs: [values, weight, bias],
    outputs: [y, mean, invstd],
    dys: [dy],
  }) {
    const c = [x![1]!];
    const attrs = relu ? { eps, relu } : { eps };
    const masked = relu === true && residual === true;
    const [dx, dweight, dbias, dz] = launch(
      "batchNormGrad",
      attrs,
      [values!, dy!, mean!, invstd!, weight!, bias!, masked ? y! : null],
      masked ? [x!, c, c, x!] : [x!, c, c],
    );
    const other = residual ? (masked ? dz! : dy!.detach()) : null;
    return [dx!, dweight!, dbias!, null, null, other]; // what nobody wants is given back
  },
};

function count(batches: Tensor): void {
  const one = full(batches.shape, 1);
  launchHere("add", {}, [batches, one], [batches]);
  one.dispose();
}

/** Options of `batchNormTrain`. */
export interface BatchNormTrainOptions {
  /** Added to the variance; 1e-5 by default. */
  readonly eps?: number;
  /** Share of the new batch in the running statistics; 0.1 by default. */
  readonly momentum?: number;
  /** ReLU in the same pass. */
  readonly relu?: boolean;
  /** Added behind the norm, before the ReLU, in the same pass: a tensor of x's shape. */
  readonly residual?: Tensor;
  /** Counts batches: one is added to its one value. */
  readonly batches?: Tensor;
}

/**
 * Batch norm with the batch's own mean and (biased) variance. `mean` and `variance`, where given, are the running statistics:
 * updated in place, the variance with its unbiased estimate (torch.nn.functional.batch_norm, training=True).
 * @param x [n, c, h, w] or [n, c] with more than one value per channel
 */
export function batchNormTrain(
  x: Tensor,
  mean: Tensor | null,
  variance: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  options: BatchNormTrainOptions = {},
): Tensor {
  checkOptions("batchNormTrain", options, "eps momentum relu residual batches");
  const { eps = 1e-5, momentum = 0.1, relu = false, residual, batches } = options;
  checkPositive("batchNormTrain", { eps, momentum });
  const attrs = { eps, momentum, ...(relu ? { relu } : {}), ...(residual ? { residual: true } : {}) };
  const inputs = [x, weight, bias, mean, variance, ...(residual ? [residual] : [])];
  const [y, batchMean, invstd] = apply(batchNormTrainOp, attrs, inputs);
  if (batches) count(batches);
  batchMean!.dispose();
  invstd!.dispose();
  return y!;
}

/**
 * Batch norm with given statistics (evaluation): `(x - mean) / sqrt(variance + eps) * weight + bias` per channel.
 * @param x [n, c, h, w] or [n, c]
 */
export function batchNorm(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  eps = 1e-5,
): Tensor {
  for (const t of [mean, variance]) checkHome("batchNorm", t);
  checkPositive("batchNorm", { eps });
  return apply(batchNormOp, { eps }, [x, weight, bias, mean, variance])[0]!;
}
