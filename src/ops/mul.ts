import { apply, type OpDefinition } from "../autograd.ts";
import { ShapeError } from "../errors.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { launch } from "./launch.ts";

export const mulOp: OpDefinition<"mul"> = {
  name: "mul",
  shapes(_attrs, [a, b]) {
    const perPicture = a && b && b.length === 1 && b[0] === a[0];
    if (!a || !b || !(perPicture || sameShape(a, b))) {
      throw new ShapeError(
        "mul",
        `shapes must be equal, or the second [n], got ${a && formatShape(a)} and ${b && formatShape(b)}`,
      );
    }
    return [a];
  },
  saves: { inputs: [1] },
  gradient({ shapes: [a], inputs: [, b], dys: [dy] }) {
    return [launch("mul", {}, [dy!, b!], [a!])[0]!, null];
  },
};

/**
 * a · b, element by element; `b` may be [n], one factor for each picture. Used for the masks of dropout and stochastic depth:
 * `b` is a constant, no gradient is computed for it.
 */
export function mul(a: Tensor, b: Tensor): Tensor {
  return apply(mulOp, {}, [a, b])[0]!;
}
