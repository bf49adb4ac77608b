import type { OpAttrs, OpName, View } from "./backend/backend.ts";
import { currentBackend } from "./backend/current.ts";
import { ArgumentError, ResNetError, ShapeError } from "./errors.ts";
import { kindOf } from "./platform/kinds.ts";
import type { Shape } from "./tensor/shape.ts";
import { formatShape, sameShape } from "./tensor/shape.ts";
import { full, Tensor } from "./tensor/tensor.ts";

/** What an op is to the rest of the library: its shapes, its cost, and its gradient, side by side in one file of src/ops. */
export interface OpDefinition<K extends OpName> {
  readonly name: K;
  /** Output shapes; the one place where shapes are checked. @throws ShapeError */
  shapes(attrs: OpAttrs[K], inputs: readonly (Shape | null)[]): Shape[];
  /** Multiply-accumulates of one launch. */
  macs?(attrs: OpAttrs[K], inputs: readonly (Shape | null)[], outputs: readonly Shape[]): number;
  /** Which tensors `gradient` reads; everything else is free to go after the forward pass. */
  readonly saves?: Saves | ((attrs: OpAttrs[K]) => Saves);
  /** Gradients of the inputs (null where none is needed), from those of the outputs. */
  gradient?(g: GradientContext<K>): (Tensor | null)[];
}

/** Numbers of inputs and outputs. */
export interface Saves {
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
}

export interface GradientContext<K extends OpName> {
  readonly attrs: OpAttrs[K];
  /** Input shapes. */
  readonly shapes: readonly (Shape | null)[];
  /** The inputs named in `saves`; the others are null. */
  readonly inputs: readonly (Tensor | null)[];
  /** The outputs named in `saves`; the others are null. */
  readonly outputs: readonly (Tensor | null)[];
  /** Gradients of the outputs; null where nobody used the output. */
  readonly dys: readonly (Tensor | null)[];
  /** Which inputs want a gradient. */
  readonly needs: readonly boolean[];
  /** Takes over what has been summed up for an input so far, to add it in the same pass as this op's own gradient. */
  readonly take: (input: number) => Tensor | null;
}

interface Entry {
  /** Undisposed outputs, and later entries that would send a gradient here: at zero nobody can ask for it any more. */
  holders: number;
  /** Saved tensors were given back. */
  released: boolean;
  readonly definition: OpDefinition<OpName>;
  readonly attrs: OpAttrs[OpName];
  readonly shapes: readonly (Shape | null)[];
  readonly inputs: readonly (Tensor | null)[];
  readonly outputs: readonly (Tensor | null)[];
  /** Where each input's gradient goes: a leaf, or an output of an earlier entry. */
  readonly targets: readonly (Target | null)[];
  readonly outputShapes: readonly Shape[];
}

type Target = { readonly leaf: Tensor } | { readonly entry: Entry; readonly output: number };

let tape: Entry[] = [];
let released = 0;
let enabled = true;
let again = false;

/** False inside `noGrad` and during `backward`: ops are then not recorded. */
export function gradEnabled(): boolean {
  return enabled;
}

/** Runs `body` without recording: nothing inside can be differentiated. What an async `body` does after its first `await` is recorded again. */
export function noGrad<T>(body: () => T): T {
  const before = enabled;
  enabled = false;
  try {
    return body();
  } finally {
    enabled = before;
  }
}

/** Launches an op on the current backend and records it on the tape when an input requires a gradient. */
export function apply<K extends OpName>(
  definition: OpDefinition<K>,
  attrs: OpAttrs[K],
  inputs: readonly (Tensor | null)[],
): Tensor[] {
  const backend = currentBackend();
  // The first one is never optional.
  inputs.forEach((t, i) => {
    if (t !== null || i === 0) checkHome(definition.name, t!);
  });
  const shapes = inputs.map((t) => t?.shape ?? null);
  const outputs = definition.shapes(attrs, shapes).map((s) => Tensor.empty(s));
  backend.launch(definition.name, attrs, inputs as readonly (View | null)[], outputs);
  if (enabled && inputs.some((t) => t?.requiresGrad)) record(definition, attrs, shapes, inputs, outputs);
  return outputs;
}

/** Throws unless `t` is a tensor of the current backend, with its values. */
export function checkHome(op: string, t: Tensor): void {
  if (!(t instanceof Tensor))
    throw new ArgumentError(`${op}: needs tensors, got ${kindOf(t)}; see tensor(values, shape)`);
  const here = currentBackend();
  if (here.name === "capture") return; // only shapes are looked at: weights may be elsewhere, or gone into a compiled network
  if (t.disposed) t.storage.handle; // throws DisposedError with its advice unless a view still holds the storage
  const home = t.storage.memory;
  if (home !== here) {
    throw new ResNetError(
      `${op}: an input of shape ${formatShape(t.shape)} is on the ${home.name} backend of an earlier \`init\`; ` +
        "move a network with `await net.to()`, make other tensors anew",
      { code: "ERR_BACKEND" },
    );
  }
}

/** Launches an op that nobody differentiates on the current backend, where all its tensors have to be. */
export function launchHere<K extends OpName>(
  op: K,
  attrs: OpAttrs[K],
  inputs: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
): void {
  for (const t of [...inputs, ...outputs]) if (t) checkHome(op, t);
  currentBackend().launch(op, attrs, inputs as readonly (View | null)[], outputs);
}

function record<K extends OpName>(
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
  for (const to of entry.targets) if (to && "entry" in to) to.entry.holders++;
  outputs.forEach((t, output) => {
    follow(t, entry, output);
  });
  tape.push(entry);
}

/** The tensor stands for an output of the entry. */
function follow(t: Tensor, entry: Entry, output: number): void {
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

function compact(): void {
  tape = tape.filter((e) => !e.released);
  released = 0;
}

function madeBy(t: Tensor): { entry: Entry; output: number } | undefined {
  return t.gradient?.made as { entry: Entry; output: number } | undefined;
}

/** A reference of the tape's own, so that the caller may dispose the tensor. */
function saved(t: Tensor): Tensor {
  return t.detach().keep();
}

function target(t: Tensor | null): Target | null {
  if (t === null || !t.requiresGrad) return null;
  return madeBy(t) ?? { leaf: t };
}

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
  const entries = tape;
  noGrad(() => {
    give(start, (seed?.detach() ?? full(loss.shape, 1)).keep());
    try {
      for (let i = entries.length - 1; i >= 0; i--) {
        const entry = entries[i]!;
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

function releaseEntry(entry: Entry): void {
  if (entry.released) return;
  entry.released = true;
  released++;
  for (const t of entry.inputs) t?.dispose();
  for (const t of entry.outputs) t?.dispose();
}

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
  if (!enabled) return body(x);
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
  if (to && "entry" in to) to.entry.holders++;
  const made = y.detach();
  follow(made, entry, 0);
  tape.push(entry);
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
  const outer = tape;
  const undo = restore?.();
  const leaf = x.detach().keep();
  leaf.requiresGrad = inputNeeds;
  tape = [];
  again = true;
  enabled = true;
  let made: Tensor | undefined;
  try {
    made = body(leaf).keep();
    again = false;
    if (made.gradient) backward(made, dy);
    else if (made === leaf && inputNeeds) leaf.grad = dy.detach().keep();
    const { grad } = leaf;
    leaf.grad = null;
    return grad;
  } finally {
    again = false;
    enabled = false;
    clearTape();
    tape = outer;
    leaf.dispose();
    made?.dispose();
    undo?.();
  }
}

/** Forgets everything recorded so far (after an evaluation that was recorded by mistake, or an error in a training step). */
export function clearTape(): void {
  for (const entry of tape) releaseEntry(entry);
  compact();
}
