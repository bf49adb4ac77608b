import type { View, Window } from "../backend.ts";
import type { KernelName, Numbers } from "./kernels/index.ts";
import type { Constants } from "./pipelines.ts";
import type { Block } from "./pool.ts";

/** Values that a dispatch reads or writes: a view's, scratch that lives as long as one op, or a block that somebody keeps. */
export type Slot = View | Scratch | Fixed;

export interface Fixed {
  readonly fixed: Block;
  readonly length: number;
}

export interface Scratch {
  readonly scratch: true;
  /** In values. */
  readonly length: number;
  /** In an f16 network: values of 32 bits all the same. */
  readonly wide?: boolean;
}

/** One launch of one kernel. */
export interface Dispatch {
  readonly kernel: KernelName;
  readonly constants: Constants;
  /** f32 when left out. */
  readonly numbers?: Numbers;
  /** In the order of the bindings; null where an optional input is left out. */
  readonly slots: readonly (Slot | null)[];
  readonly params: Readonly<Record<string, number>>;
  /** Invocations wanted in x, y, z. */
  readonly invocations: readonly [x: number, y: number, z: number];
}

/** What the choice of a convolution's kernel depends on. */
export interface Convolved {
  readonly from: View;
  readonly to: View;
  readonly window: Window;
  readonly transposed: boolean;
}

/** What lowering an op to dispatches may ask for. */
export interface LowerContext {
  dispatch(dispatch: Dispatch): void;
  /** @param wide 32 bits a value, in an f16 network too */
  scratch(length: number, wide?: boolean): Slot;
  /**
   * A packed copy of a constant: made by the dispatches that `fill` emits. Compiled networks make it once and keep it.
   * @param layout names the copy: another layout of the same source is another copy
   */
  prepare(layout: string, source: View, length: number, fill: (to: Slot) => void): Slot;
  /** Which kernel computes convolutions on this adapter. */
  readonly tile: "registers" | "shared";
  /** Whether a convolution of 3x3 and stride 1 shall be computed by Winograd's F(2x2, 3x3). */
  winograd(of: Convolved & { readonly weight: View }): boolean;
}

/** What tells two slots apart: dispatches must not bind the same memory twice. */
export function identity(slot: Slot): object {
  return "storage" in slot ? slot.storage : "fixed" in slot ? slot.fixed : slot;
}

export function lengthOf(slot: Slot): number {
  return "storage" in slot ? slot.storage.length : slot.length;
}

/**
 * A dispatch in which every slot is another memory: all bindings may be written, and WebGPU refuses a buffer that is bound for writing
 * twice. An op may well be given one tensor as two inputs (x + x): the second becomes a copy.
 */
export function unaliased(dispatch: Dispatch, context: LowerContext): Dispatch {
  const seen = new Set<object>();
  let changed = false;
  const slots = dispatch.slots.map((slot) => {
    if (slot === null) return null;
    const id = identity(slot);
    if (!seen.has(id)) {
      seen.add(id);
      return slot;
    }
    changed = true;
    const size = lengthOf(slot);
    const copy = context.scratch(size);
    each(context, "pointwise", size, [copy, slot, null], { relu: 0, each: 1, factor: 1 }, { kind: 2 });
    return copy;
  });
  return changed ? { ...dispatch, slots } : dispatch;
}

/** Most workgroups along one dimension, the same for every adapter by the specification. */
const maxWorkgroups = 65535;

/** A dispatch over `size` values, one each, folded into rows when one dimension is too short: kernels know `size` and `width`. */
export function each(
  context: LowerContext,
  kernel: KernelName,
  size: number,
  slots: Dispatch["slots"],
  params: Dispatch["params"] = {},
  constants: Constants = {},
): void {
  if (size === 0) return;
  const workgroups = Math.ceil(size / 64);
  const rows = Math.ceil(workgroups / maxWorkgroups);
  const width = 64 * Math.ceil(workgroups / rows);
  context.dispatch({ kernel, constants, slots, params: { ...params, size, width }, invocations: [width, rows, 1] });
}
