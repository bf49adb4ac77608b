import { launchHere } from "../autograd/apply.ts";
import { checkNet, type Module } from "../nn/module.ts";
import { checkShares } from "../options.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Copies values where they are: devices that read only asynchronously need not be asked. */
function copy(from: Tensor, to: Tensor): Tensor {
  launchHere("mulScalar", { factor: 1 }, [from], [to]);
  return to;
}

/**
 * An exponential moving average of a network's weights and running statistics: after each step,
 * average += (1 - decay) · (value - average). The average is usually better than the last weights (Polyak and Juditsky 1992).
 */
export class Ema {
  readonly decay: number;
  /** Averages by the tensors that they are of: one that has two names is one. */
  readonly #averages = new Map<Tensor, Tensor>();
  /** The same by checkpoint key. */
  readonly #state = new Map<string, Tensor>();
  /** Counts of batches, which are no numbers to average. */
  readonly #counts = new Set<Tensor>();

  /** Starts at the network's present values. */
  constructor(net: Module, decay = 0.999) {
    checkNet("Ema", net);
    checkShares("Ema", { decay });
    this.decay = decay;
    for (const [key, value] of net.stateDict()) {
      const average = this.#averages.get(value) ?? copy(value, Tensor.empty(value.shape)).keep();
      this.#averages.set(value, average);
      this.#state.set(key, average);
      if (key.endsWith("num_batches_tracked")) this.#counts.add(value);
    }
  }

  /** Takes the present weights in; call it after each step. */
  update(): void {
    for (const [value, average] of this.#averages) {
      const weight = this.#counts.has(value) ? 1 : 1 - this.decay;
      launchHere("lerp", { weight }, [value], [average]);
    }
  }

  /** The averages by checkpoint key; not copies. */
  stateDict(): ReadonlyMap<string, Tensor> {
    return this.#state;
  }

  /** Puts the averages in the network's place for good. */
  apply(): void {
    for (const [value, average] of this.#averages) copy(average, value);
  }

  /** Runs `body` with the averages in the network's place. */
  async applied<T>(body: () => T | Promise<T>): Promise<T> {
    this.#swap();
    try {
      return await body();
    } finally {
      this.#swap();
    }
  }

  #swap(): void {
    for (const [value, average] of this.#averages) {
      const saved = copy(average, Tensor.empty(average.shape));
      copy(value, average);
      copy(saved, value);
      saved.dispose();
    }
  }

  /** Gives the averages' memory back. */
  dispose(): void {
    for (const t of this.#averages.values()) t.dispose();
  }
}
