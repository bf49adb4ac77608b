import type { Backend } from "./backend/backend.ts";
import { withBackend } from "./backend/current.ts";
import { DisposedError } from "./errors.ts";
import { type Compilable, type CompiledNetwork, compile } from "./graph/compile.ts";
import type { PictureNet } from "./models/pictureNet.ts";
import { Tensor } from "./tensor/tensor.ts";

/** What one pass gives. */
export interface PictureOutputs {
  readonly maps: Tensor;
  readonly feature: Tensor;
  readonly logits: Tensor;
}

/**
 * A network compiled for the shapes of input that were used last; packed weights are shared. Takes the network over: its weights
 * are packed at the first run, and the network itself can then not be used. It stays on the backend that it was loaded on, whatever
 * `init` makes current later.
 */
export class PicturePrograms {
  readonly #net: PictureNet;
  readonly #home: Backend;
  readonly #programs = new Map<string, CompiledNetwork<PictureOutputs>>();
  #disposed = false;
  #compiling = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(net: PictureNet, home: Backend) {
    this.#net = net;
    this.#home = home;
  }

  /**
   * One pass. @param data channels-last, of `shape`. @param use what is wanted of the outputs, which are given back after it
   * @param signal what is aborted before its turn is not begun
   */
  async run<T>(
    data: Float32Array,
    shape: readonly number[],
    use: (outputs: PictureOutputs) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    // One call after the other compiles (the first one takes the weights) and runs, so that none has its program disposed by the next.
    const before = this.#last;
    const turn = before.then(() => {
      signal?.throwIfAborted();
      return this.#pass(data, shape);
    });
    this.#last = turn.catch(() => undefined);
    const y = await turn;
    try {
      return await use(y);
    } finally {
      for (const t of Object.values(y)) (t as Tensor).dispose();
    }
  }

  /** Gives the network's memory back. */
  dispose(): void {
    this.#disposed = true;
    for (const program of this.#programs.values()) program.dispose();
    this.#programs.clear();
    // Who is compiling now is not disturbed: it gives everything back itself.
    if (!this.#compiling) this.#net.dispose();
  }

  async #pass(data: Float32Array, shape: readonly number[]): Promise<PictureOutputs> {
    const program = await this.#program(shape);
    if (this.#disposed) throw new DisposedError("classifier");
    return withBackend(this.#home, () => {
      const x = Tensor.empty(shape);
      try {
        x.storage.write(data); // a 4-D tensor's bytes are channels-last
        return program.runSync(x);
      } finally {
        x.dispose();
      }
    });
  }

  async #program(shape: readonly number[]): Promise<CompiledNetwork<PictureOutputs>> {
    if (this.#disposed) throw new DisposedError("classifier");
    const key = shape.join();
    const found = this.#programs.get(key);
    if (found !== undefined) return found;
    const [before] = this.#programs.values();
    this.#compiling = true;
    let made: CompiledNetwork<PictureOutputs>;
    try {
      made = await withBackend(this.#home, () => before?.forShape(shape) ?? compile(outputs(this.#net), shape));
    } catch (error) {
      throw this.#disposed ? new DisposedError("classifier") : error;
    } finally {
      this.#compiling = false;
      if (this.#disposed) this.#net.dispose();
    }
    if (this.#disposed) {
      made.dispose();
      throw new DisposedError("classifier");
    }
    this.#programs.set(key, made);
    // Two shapes are the usual case, a batch and its rest; a third takes the place of the oldest.
    for (const [old, program] of this.#programs) {
      if (this.#programs.size <= 3) break;
      this.#programs.delete(old);
      program.dispose();
    }
    return made;
  }
}

/** A network as one that gives everything which somebody may ask for in one pass. */
function outputs(net: PictureNet): Compilable<PictureOutputs> {
  return {
    modules: () => net.modules(),
    stateDict: () => net.stateDict(),
    forward(x) {
      const maps = net.forwardFeatures(x);
      const feature = net.pool(maps);
      return { maps, feature, logits: net.fc.forward(feature) };
    },
  };
}
