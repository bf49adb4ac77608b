import { apply } from "../autograd/apply.ts";
import type { OpDefinition } from "../autograd/definition.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { needRank } from "./check.ts";
import { launch } from "./launch.ts";

export const softmaxOp: OpDefinition<"softmax"> = {
  name: "softmax",
  shapes: (_attrs, [x]) => [needRank("softmax", "input", x, 2, "n, k")],
  saves: { outputs: [0] },
  gradient: ({ attrs, shapes: [x], outputs: [y], dys: [dy] }) => launch("softmaxGrad", attrs, [y!, dy!], [x!]),
};

/** Softmax over the last dimension. x [n, k]. */
export function softmax(x: Tensor): Tensor {
  return apply(softmaxOp, { log: false }, [x])[0]!;
}

/** log(softmax(x)). x [n, k]. */
export function logSoftmax(x: Tensor): Tensor {
  return apply(softmaxOp, { log: true }, [x])[0]!;
}
