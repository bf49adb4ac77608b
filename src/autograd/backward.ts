import { ResNetError, ShapeError } from "../errors.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { full, Tensor } from "../tensor/tensor.ts";
import { checkHome, launchHere, noGrad } from "./apply.ts";
import { compact, type Entry, entries, madeBy, releaseEntry, type Target } from "./tape.ts";

/**
 * Walks the tape backwards from `loss` and adds to `grad` of every leaf that requires it. What led to `loss` is gone from the
 * tape afterwards: saved tensors are released as soon as they have been used.
 * @param seed gradient of `loss` itself; 1 for a loss of one value
 */
export function backward(loss: Tensor, seed?: Tensor): void {
  checkHome("backward", loss);
  if (seed !== undefined) checkHome("backward", seed);
  const start = madeBy(loss);
  if (start === undefined || start.entry.released) {
    throw new ResNetError("backward: this tensor was not made by recorded ops (or its tape was already used)", {
      code: "ERR_AUTOGRAD",
    });
  }
  if (seed === undefined && loss.size !== 1) {
    throw new ResNetError(
      `backward: a loss has one value, this tensor has shape ${formatShape(loss.shape)}; pass a seed`,
      {
        code: "ERR_AUTOGRAD",
      },
    );
  }
  if (seed !== undefined && !sameShape(seed.shape, loss.shape)) {
    throw new ShapeError(
      "backward",
      `the seed must have the shape ${formatShape(loss.shape)}, got ${formatShape(seed.shape)}`,
    );
  }
  const grads = new Map<Entry, (Tensor | null)[]>();
  const give = (to: Target, grad: Tensor): void => {
    if ("leaf" in to) {
      if (to.leaf.disposed) grad.dispose();
      else to.leaf.grad = merge(to.leaf.grad, grad, grad.storage.shared);
      return;
    }
    let slots = grads.get(to.entry);
    if (slots === undefined) {
      if (to.entry.released) {
        grad.dispose();
        throw new ResNetError(
          `backward: a part of this tape (${to.entry.definition.name}) was already used by an earlier backward; add the losses and call it once`,
          { code: "ERR_AUTOGRAD" },
        );
      }
      slots = to.entry.outputShapes.map(() => null);
      grads.set(to.entry, slots);
    }
    slots[to.output] = merge(slots[to.output] ?? null, grad);
  };
  const take = (to: Target | null | undefined): Tensor | null => {
    const slots = to && "entry" in to ? grads.get(to.entry) : undefined;
    if (slots === undefined || !to || !("entry" in to)) return null;
    const known = slots[to.output] ?? null;
    slots[to.output] = null;
    return known;
  };
  const tape = entries();
  noGrad(() => {
    give(start, (seed?.detach() ?? full(loss.shape, 1)).keep());
    try {
      for (let i = tape.length - 1; i >= 0; i--) {
        const entry = tape[i]!;
        const dys = grads.get(entry);
        if (dys === undefined) continue;
        step(entry, dys, give, take);
        for (const dy of dys) dy?.dispose();
        grads.delete(entry);
        releaseEntry(entry);
      }
      for (const { definition } of grads.keys()) {
        throw new ResNetError(
          `recompute: what its body reads from outside (made by ${definition.name}) gets no gradient; give it as x, or detach() it`,
          { code: "ERR_AUTOGRAD" },
        );
      }
    } finally {
      // After an error.
      for (const left of grads.values()) for (const dy of left) dy?.dispose();
    }
  });
  compact();
}

function step(
  entry: Entry,
  dys: readonly (Tensor | null)[],
  give: (to: Target, grad: Tensor) => void,
  take: (to: Target | null | undefined) => Tensor | null,
): void {
  const { definition, attrs, shapes, inputs, outputs, targets } = entry;
  if (definition.gradient === undefined) {
    throw new ResNetError(`backward: ${definition.name} has no gradient`, { code: "ERR_AUTOGRAD" });
  }
  const found = definition.gradient({
    attrs,
    shapes,
    inputs,
    outputs,
    dys,
    needs: targets.map((t) => t !== null),
    take: (i) => take(targets[i]),
  });
  found.forEach((grad, i) => {
    const to = targets[i];
    if (grad === null) return;
    if (to) give(to, grad.keep());
    else grad.dispose();
  });
}

/** a + b. With `copy`, also where there is no `a`: a leaf's gradient shares no memory with the seed or another leaf's. */
function merge(a: Tensor | null, b: Tensor, copy = false): Tensor {
  if (a === null && !copy) return b;
  const sum = Tensor.empty(b.shape).keep();
  if (a) launchHere("add", {}, [a, b], [sum]);
  else launchHere("mulScalar", { factor: 1 }, [b], [sum]);
  a?.dispose();
  b.dispose();
  return sum;
}
