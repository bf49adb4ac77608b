import { apply, gradEnabled } from "../autograd/apply.ts";
import type { OpDefinition } from "../autograd/definition.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import { checkOptions, checkShares } from "../options.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { needRank } from "./check.ts";
import { launch } from "./launch.ts";

export const crossEntropyOp: OpDefinition<"crossEntropy"> = {
  name: "crossEntropy",
  shapes(_attrs, [logits, target]) {
    const [n, k] = needRank("crossEntropy", "logits", logits, 2, "n, k") as [number, number];
    const soft = target?.length === 2;
    if (!target || target[0] !== n || (soft ? target[1] !== k : target.length !== 1)) {
      throw new ShapeError(
        "crossEntropy",
        `target must be [${n}] (class numbers) or [${n}, ${k}] (probabilities), got ${target ? formatShape(target) : "nothing"}`,
      );
    }
    return [[1], [n, k]];
  },
  saves: { outputs: [1] },
  gradient({ shapes: [logits], outputs: [, dlogits], dys: [dloss] }) {
    return [launch("scaleBy", {}, [dlogits!, dloss!], [logits!])[0]!, null];
  },
};

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** Share of the target that is spread over all classes (Szegedy et al. 2016); 0 by default. */
  readonly labelSmoothing?: number;
}

/**
 * Mean over the batch of the cross-entropy between softmax(logits) and the targets (torch.nn.functional.cross_entropy).
 * @param logits [n, k]
 * @param target [n] class numbers as floats (not checked against k: see the data loader), or [n, k] probabilities (mixup)
 * @returns [1]
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkOptions("crossEntropy", options, "labelSmoothing");
  const { labelSmoothing = 0 } = options;
  checkShares("crossEntropy", { labelSmoothing });
  if (target?.requiresGrad && gradEnabled()) {
    throw new ArgumentError("crossEntropy: the target gets no gradient; detach() it");
  }
  const [loss, dlogits] = apply(crossEntropyOp, { labelSmoothing }, [logits, target]);
  dlogits!.dispose();
  return loss!;
}
