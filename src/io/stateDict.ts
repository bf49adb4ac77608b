import type { Dtype } from "./dtype.ts";

/** One tensor of a checkpoint. Its values stay in the file until they are asked for. */
export interface CheckpointTensor {
  /** How the file stores the elements. */
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** The values as f32, row-major in the shape's order, in a fresh array. */
  read(): Float32Array<ArrayBuffer>;
  /** The same into `target`, which has one element for each of the tensor's. */
  readInto(target: Float32Array): void;
  /** The stored elements, row-major and little-endian, in a fresh array. */
  bytes(): Uint8Array<ArrayBuffer>;
}

/** Tensors by name, in the file's order. */
export type StateDict = Map<string, CheckpointTensor>;

/** What the bytes of a checkpoint turned out to be. */
export type CheckpointFormat = "safetensors" | "torch" | "torch-legacy" | "keras";

/** What `loadCheckpoint` gives: the state dict, and what else the file says. */
export class Checkpoint extends Map<string, CheckpointTensor> {
  /** Path, address, or "buffer". */
  readonly name: string;
  readonly format: CheckpointFormat;
  /**
   * What is not a tensor of the network: `__metadata__` of safetensors, `epoch`, `best_prec1`, optimiser state of
   * PyTorch files. Python dictionaries are Maps, lists and tuples are arrays.
   */
  readonly extra: ReadonlyMap<string, unknown>;

  constructor(
    name: string,
    format: CheckpointFormat,
    tensors: Iterable<readonly [string, CheckpointTensor]>,
    extra: ReadonlyMap<string, unknown>,
  ) {
    super(tensors);
    this.name = name;
    this.format = format;
    this.extra = extra;
  }
}

const prefixes = ["module.", "_orig_mod.", "model."];

/** Without the prefixes that DataParallel (`module.`), torch.compile (`_orig_mod.`) and, by custom, Lightning's modules (`model.`) put before every name. */
export function withoutWrappers<T>(tensors: ReadonlyMap<string, T>): Map<string, T> {
  let result = new Map(tensors);
  for (;;) {
    const prefix = prefixes.find((p) => result.size > 0 && [...result.keys()].every((key) => key.startsWith(p)));
    if (prefix === undefined) return result;
    result = new Map([...result].map(([key, value]) => [key.slice(prefix.length), value]));
  }
}

/** Whether weights are a checkpoint that is open, or say where one is. */
export function isOpen(weights: unknown): weights is Checkpoint {
  return weights instanceof Map;
}
