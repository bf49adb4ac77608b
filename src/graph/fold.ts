import type { Storage } from "../tensor/storage.ts";
import { constant } from "./build.ts";
import type { Fold, Folded } from "./passes/foldBatchNorm.ts";

/** What graphs of one network have in common: values of small constants, and the folds that were made of them. */
export class Folds {
  readonly #values = new Map<Storage, Float32Array>();
  readonly #ids = new Map<Storage | null, number>();
  readonly #made = new Map<string, Folded>();
  readonly #owned = new Set<Storage>();

  /** Remembers a constant's values; they outlive the constant. */
  async learn(constants: Iterable<Storage>): Promise<void> {
    // All reads begin at once: deferred values are computed where the network is, whichever backend is current a moment later.
    const reads = [...constants]
      .filter((storage) => !this.#values.has(storage))
      .map(async (storage) => this.#values.set(storage, await storage.read()));
    await Promise.all(reads);
  }

  /** The same parameters give the same fold, so that graphs for different shapes share packed weights. */
  readonly fold: Fold = (parameters, eps) => {
    if (parameters.some((p) => p !== null && !this.#values.has(p))) return undefined;
    const key = [...parameters.map((p) => this.#id(p)), eps].join();
    let made = this.#made.get(key);
    if (made === undefined) {
      made = compute(
        parameters.map((p) => p && this.#values.get(p)!),
        eps,
      );
      this.#made.set(key, made);
      this.#owned.add(made.bias);
    }
    return made;
  };

  /** Takes a constant that belongs to no model. */
  own(storage: Storage): void {
    this.#owned.add(storage);
  }

  /** Whether a constant belongs to no model: a fold made it, or `own` got it. */
  owns(storage: Storage): boolean {
    return this.#owned.has(storage);
  }

  /** Gives the memory of all that it owns back. */
  dispose(): void {
    for (const storage of this.#owned) storage.release();
  }

  #id(storage: Storage | null): number {
    let id = this.#ids.get(storage);
    if (id === undefined) {
      id = this.#ids.size;
      this.#ids.set(storage, id);
    }
    return id;
  }
}

function compute(parameters: readonly (Float32Array | null)[], eps: number): Folded {
  const [layerBias, weight, bias, mean, variance] = parameters;
  const c = mean!.length;
  const weightScale = new Float64Array(c);
  const shift = new Float32Array(c);
  for (let i = 0; i < c; i++) {
    const scale = (weight?.[i] ?? 1) / Math.sqrt(variance![i]! + eps);
    weightScale[i] = scale;
    shift[i] = ((layerBias?.[i] ?? 0) - mean![i]!) * scale + (bias?.[i] ?? 0);
  }
  return { weightScale, bias: constant(shift) };
}
