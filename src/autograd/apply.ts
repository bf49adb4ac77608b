import type { OpAttrs, OpName, View } from "../backend/backend.ts";
import { currentBackend } from "../backend/current.ts";
import { ArgumentError, ResNetError } from "../errors.ts";
import { kindOf } from "../platform/kinds.ts";
import { formatShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { OpDefinition } from "./definition.ts";
import { record } from "./tape.ts";

let enabled = true;

/** False inside `noGrad` and during `backward`: ops are then not recorded. */
export function gradEnabled(): boolean {
  return enabled;
}

/** Runs `body` with ops recorded or not. */
export function recording<T>(on: boolean, body: () => T): T {
  const before = enabled;
  enabled = on;
  try {
    return body();
  } finally {
    enabled = before;
  }
}

/** Runs `body` without recording: nothing inside can be differentiated. What an async `body` does after its first `await` is recorded again. */
export function noGrad<T>(body: () => T): T {
  return recording(false, body);
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
