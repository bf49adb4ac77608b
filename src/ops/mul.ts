import { apply, gradEnabled } from "../autograd/apply.ts";
import type { OpDefinition } from "../autograd/definition.ts";
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
  gradient({ shapes, inputs: [a, b], dys: [dy] }) {
    return [b, a].map((other, i) => (other ? launch("mul", {}, [dy!, other], [shapes[i]!])[0]! : null));
  },
};

/** Where both want a gradient (of a gate, say): only then is `a` kept. */
const mulBothOp: OpDefinition<"mul"> = { ...mulOp, saves: { inputs: [0, 1] } };

/**
 * a · b, element by element; `b` may be [n], one factor for each picture (the masks of dropout and stochastic depth), through which no
 * gradient flows.
 * @throws ShapeError, also where a `b` of one factor for each picture requires a gradient
 */
export function mul(a: Tensor, b: Tensor): Tensor {
  const both = gradEnabled() && b?.requiresGrad;
  if (both && b.shape.length < a.shape.length) {
    throw new ShapeError("mul", "one factor for each picture gets no gradient; detach() it");
  }
  return apply(both ? mulBothOp : mulOp, {}, [a, b])[0]!;
}
