import type { OpName } from "../backend/backend.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { gradEnabled, noGrad, recording } from "./apply.ts";
import { backward } from "./backward.ts";
import type { OpDefinition } from "./definition.ts";
import { type Entry, follow, onOwnTape, push, saved, target } from "./tape.ts";

let again = false;

/** True while {@link recompute} runs a piece for the second time: running statistics were updated by the first. */
export function recomputing(): boolean {
  return again;
}

/**
 * Activation checkpointing (Chen et al. 2016, arXiv 1604.06174): `body(x)` runs without recording, so nothing inside it is
 * kept, and once more in the backward pass. Gradients have the same bits; a training step takes about a third longer.
 * `body` must compute the same both times: it may read parameters and update running statistics (batch norm does that the first time only), and
 * `restore`, where given, is called before the second time (to set a random generator back); what it returns, after.
 */
export function recompute(body: (x: Tensor) => Tensor, x: Tensor, restore?: () => () => void): Tensor {
  if (!gradEnabled()) return body(x);
  const y = noGrad(() => body(x));
  const inputNeeds = x.requiresGrad;
  const to = target(x);
  const entry: Entry = {
    holders: 1,
    released: false,
    definition: {
      name: "relu", // only a name in messages: nothing is launched by it
      shapes: () => [y.shape],
      gradient: ({ inputs: [kept], dys: [dy] }) => [secondRun(body, kept!, dy!, inputNeeds, restore)],
    } satisfies OpDefinition<"relu"> as unknown as OpDefinition<OpName>,
    attrs: {},
    shapes: [x.shape],
    inputs: [saved(x)],
    outputs: [],
    targets: [to],
    outputShapes: [y.shape],
  };
  const made = y.detach();
  follow(made, entry, 0);
  push(entry);
  if (y !== x) y.dispose();
  return made;
}

/** The second run of a piece, on a tape of its own, and its backward pass: gives the gradient of the piece's input. */
function secondRun(
  body: (x: Tensor) => Tensor,
  x: Tensor,
  dy: Tensor,
  inputNeeds: boolean,
  restore: (() => () => void) | undefined,
): Tensor | null {
  const undo = restore?.();
  const leaf = x.detach().keep();
  leaf.requiresGrad = inputNeeds;
  let made: Tensor | undefined;
  again = true;
  try {
    return onOwnTape(() =>
      recording(true, () => {
        made = body(leaf).keep();
        again = false;
        if (made.gradient) backward(made, dy);
        else if (made === leaf && inputNeeds) leaf.grad = dy.detach().keep();
        const { grad } = leaf;
        leaf.grad = null;
        return grad;
      }),
    );
  } finally {
    again = false;
    leaf.dispose();
    made?.dispose();
    undo?.();
  }
}
