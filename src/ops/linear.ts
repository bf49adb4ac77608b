import { apply } from "../autograd/apply.ts";
import type { OpDefinition } from "../autograd/definition.ts";
import { ShapeError } from "../errors.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { needRank, needShape } from "./check.ts";
import { launch } from "./launch.ts";

export const linearOp: OpDefinition<"linear"> = {
  name: "linear",
  shapes(_attrs, [x, weight, bias, residual]) {
    const [n, k] = needRank("linear", "input", x, 2, "n, k") as [number, number];
    const [m, wk] = needRank("linear", "weight", weight, 2, "m, k") as [number, number];
    if (k !== wk) {
      throw new ShapeError(
        "linear",
        `input ${formatShape(x!)} has ${k} features, weight ${formatShape(weight!)} needs ${wk}`,
      );
    }
    needShape("linear", "bias", bias, [m]);
    needShape("linear", "residual", residual, [n, m]);
    return [[n, m]];
  },
  macs(_attrs, [x, weight]) {
    return x![0]! * weight![0]! * weight![1]!;
  },
  saves: { inputs: [0, 1] },
  gradient({ shapes: [xShape, wShape, bShape], inputs: [x, weight], dys: [dy], needs }) {
    return [
      needs[0] ? launch("linearInputGrad", {}, [dy!, weight!], [xShape!])[0]! : null,
      needs[1] ? launch("linearWeightGrad", {}, [x!, dy!], [wShape!])[0]! : null,
      needs[2] ? launch("channelSum", {}, [dy!], [bShape!])[0]! : null,
    ];
  },
};

/**
 * `x · weightᵀ + bias`.
 * @param x [n, k]
 * @param weight [m, k]
 * @param bias [m] or null
 * @returns [n, m]
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  return apply(linearOp, {}, [x, weight, bias, null])[0]!;
}
