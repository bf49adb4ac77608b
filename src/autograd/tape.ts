import type { OpAttrs, OpName } from "../backend/backend.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { GradientContext, OpDefinition } from "./definition.ts";

/** An op on the tape. */
export interface Entry extends Pick<GradientContext<OpName>, "attrs" | "shapes" | "inputs" | "outputs"> {
  /** Undisposed outputs, and later entries that would send a gradient here: at zero nobody can ask for it any more. */
  holders: number;
  /** Saved tensors were given back. */
  released: boolean;
  readonly definition: OpDefinition<OpName>;
  /** Where each input's gradient goes: a leaf, or an output of an earlier entry. */
  readonly targets: readonly (Target | null)[];
  readonly outputShapes: readonly Shape[];
}

export type Target = { readonly leaf: Tensor } | { readonly entry: Entry; readonly output: number };

/** In the order of creation: backward walks it in reverse. */
let tape: Entry[] = [];
let released = 0;

export const entries = (): readonly Entry[] => tape;

export function push(entry: Entry): void {
  for (const to of entry.targets) if (to && "entry" in to) to.entry.holders++;
  tape.push(entry);
}

/** Writes an op down, and what its gradient will read. */
export function record<K extends OpName>(
  definition: OpDefinition<K>,
  attrs: OpAttrs[K],
  shapes: readonly (Shape | null)[],
  inputs: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
): void {
  const saves = typeof definition.saves === "function" ? definition.saves(attrs) : definition.saves;
  const entry: Entry = {
    holders: outputs.length,
    released: false,
    definition: definition as unknown as OpDefinition<OpName>,
    attrs,
    shapes,
    inputs: inputs.map((t, i) => (t !== null && saves?.inputs?.includes(i) ? saved(t) : null)),
    outputs: outputs.map((t, i) => (saves?.outputs?.includes(i) ? saved(t) : null)),
    targets: inputs.map(target),
    outputShapes: outputs.map((t) => t.shape),
  };
  outputs.forEach((t, output) => {
    follow(t, entry, output);
  });
  push(entry);
}

/** The tensor stands for an output of the entry. */
export function follow(t: Tensor, entry: Entry, output: number): void {
  t.requiresGrad = true;
  t.gradient = { made: { entry, output }, retain: () => void entry.holders++, release: () => drop(entry) };
}

/** One holder less. The last one takes the saved tensors with it, and lets go of the entries before. */
function drop(entry: Entry): void {
  const dropped = [entry];
  for (let e = dropped.pop(); e !== undefined; e = dropped.pop()) {
    if (--e.holders > 0 || e.released) continue;
    releaseEntry(e);
    for (const to of e.targets) if (to && "entry" in to) dropped.push(to.entry);
  }
  if (released > 64 && released > tape.length / 2) compact();
}

/** Lets go of entries whose saved tensors were given back. */
export function compact(): void {
  tape = tape.filter((e) => !e.released);
  released = 0;
}

export function madeBy(t: Tensor): { entry: Entry; output: number } | undefined {
  return t.gradient?.made as { entry: Entry; output: number } | undefined;
}

/** A reference of the tape's own, so that the caller may dispose the tensor. */
export function saved(t: Tensor): Tensor {
  return t.detach().keep();
}

export function target(t: Tensor | null): Target | null {
  if (t === null || !t.requiresGrad) return null;
  return madeBy(t) ?? { leaf: t };
}

/** Gives the saved tensors back: the entry is done with. */
export function releaseEntry(entry: Entry): void {
  if (entry.released) return;
  entry.released = true;
  released++;
  for (const t of entry.inputs) t?.dispose();
  for (const t of entry.outputs) t?.dispose();
}

/** Forgets everything recorded so far (after an evaluation that was recorded by mistake, or an error in a training step). */
export function clearTape(): void {
  for (const entry of tape) releaseEntry(entry);
  compact();
}

/** Runs `body` on a tape of its own, of which nothing stays. */
export function onOwnTape<T>(body: () => T): T {
  const outer = tape;
  tape = [];
  try {
    return body();
  } finally {
    clearTape();
    tape = outer;
  }
}
