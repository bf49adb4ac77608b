import { ResNetError } from "../../errors.ts";
import { type Dispatch, each, identity, type LowerContext, lengthOf, type Slot } from "./context.ts";
import { kernels } from "./kernels/index.ts";

/**
 * A dispatch of an f16 network in which every slot has as many bits as the kernel expects: activations and packed weights have 16,
 * constants that kernels read as they are 32. What does not fit becomes a copy; of a constant, once.
 * @param wide what is known to have 32 bits
 */
export function fitted(
  dispatch: Dispatch,
  context: LowerContext,
  wide: Set<object>,
  isConstant: (slot: Slot) => boolean,
): Dispatch {
  const { kernel } = dispatch;
  const { buffers } = kernels[kernel];
  if (!buffers.includes(true)) {
    throw new ResNetError(`compile: the kernel ${kernel} computes in f32 only; leave out \`precision\``, {
      code: "ERR_PRECISION",
    });
  }
  if (kernel === "narrow" || kernel === "widen") return dispatch;
  const slots = dispatch.slots.map((slot, i): Slot | null => {
    if (slot === null || wide.has(identity(slot)) !== buffers[i]) return slot;
    const size = lengthOf(slot);
    if (!buffers[i]) {
      const copy = context.scratch(size, true);
      wide.add(identity(copy));
      each(context, "widen", size, [slot, copy]);
      return copy;
    }
    if ("storage" in slot && isConstant(slot)) {
      return context.prepare("half", slot, size, (to) => each(context, "narrow", size, [slot, to]));
    }
    const copy = context.scratch(size);
    each(context, "narrow", size, [slot, copy]);
    return copy;
  });
  return { ...dispatch, slots };
}
