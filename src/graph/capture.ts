import { noGrad } from "../autograd/apply.ts";
import type { Backend, BackendInfo, Launch, OpAttrs, OpName, View } from "../backend/backend.ts";
import { withBackend } from "../backend/current.ts";
import { ResNetError } from "../errors.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { tensorsIn } from "./tensors.ts";

/** What stands where memory would: its length, and the values where somebody wrote some (constants). */
export interface CapturedBlock {
  readonly length: number;
  values?: Float32Array;
  /** A launch reads the values. */
  noted?: boolean;
}

/** A backend that computes nothing: every launch is appended to a list. Nothing is allocated. */
export class CaptureBackend implements Backend {
  readonly name = "capture";
  readonly launches: Launch[] = [];
  /** Values of tensors that were made while recording and read by a launch. */
  readonly constants = new Map<Storage, Float32Array>();

  alloc(length: number): CapturedBlock {
    return { length };
  }

  free(): void {}

  write(handle: CapturedBlock, values: Float32Array): void {
    if (handle.noted) {
      throw new ResNetError("capture: a tensor that an op has read is written again", {
        code: "ERR_CAPTURE",
      });
    }
    handle.values = values.slice(); // the array may be filled again
  }

  read(): Promise<Float32Array> {
    return Promise.reject(noValues());
  }

  readSync(): Float32Array {
    throw noValues();
  }

  launch<K extends OpName>(op: K, attrs: OpAttrs[K], inputs: readonly (View | null)[], outputs: readonly View[]): void {
    // Views of their own: the tensors are disposed when their tidy ends.
    const view = (v: View): View => ({ storage: v.storage, shape: v.shape });
    for (const x of inputs) if (x !== null && x.storage.memory === this) this.note(x.storage);
    this.launches.push({ op, attrs, inputs: inputs.map((v) => v && view(v)), outputs: outputs.map(view) } as Launch);
  }

  /** Remembers the values of a tensor that was made while recording. */
  note(storage: Storage): void {
    if (storage.disposed || storage.pending) return;
    const block = storage.handle as CapturedBlock;
    if (block.values === undefined) return;
    block.noted = true;
    this.constants.set(storage, block.values);
  }

  info(): BackendInfo {
    const memory = { used: 0, reserved: 0, blocks: 0, forgotten: 0 };
    return { backend: "capture", threads: 0, deterministic: true, reasons: ["records launches"], memory };
  }

  dispose(): void {}
}

function noValues(): ResNetError {
  return new ResNetError(
    "capture: while a network is recorded (compile, fit, estimateMemory) its tensors have shapes but no values: forward must not read them",
    { code: "ERR_CAPTURE" },
  );
}

export interface Captured<Out> {
  readonly input: View;
  /** What the function returned; its tensors have shapes and storages, no values. */
  readonly result: Out;
  readonly launches: readonly Launch[];
  readonly constants: ReadonlyMap<Storage, Float32Array>;
}

/** Runs `body` on an input of the given shape and records what it launches. Parameters are neither computed nor read. */
export function capture<Out>(body: (x: Tensor, backend: CaptureBackend) => Out, inputShape: Shape): Captured<Out> {
  const backend = new CaptureBackend();
  return withBackend(backend, () =>
    noGrad(() => {
      const x = Tensor.empty(inputShape).keep();
      try {
        const input: View = { storage: x.storage, shape: x.shape };
        const result = body(x, backend);
        for (const { storage } of tensorsIn(result)) if (storage.memory === backend) backend.note(storage);
        return { input, result, launches: backend.launches, constants: backend.constants };
      } finally {
        x.dispose();
      }
    }),
  );
}
