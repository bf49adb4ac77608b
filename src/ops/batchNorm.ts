import { apply, type OpDefinition } from "../autograd.ts";
import { ShapeError } from "../errors.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { needShape } from "./check.ts";

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
};

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
  return apply(batchNormOp, { eps }, [x, weight, bias, mean, variance])[0]!;
}
