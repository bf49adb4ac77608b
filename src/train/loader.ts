import { dataWorkers } from "#worker";
import { ArgumentError, DisposedError } from "../errors.ts";
import { checkOptions, checkWhole } from "../options.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Normalization } from "../vision/presets.ts";
import { normalizationTables } from "../vision/transforms.ts";
import type { DataPool, Place } from "../worker/data/pool.ts";
import { type Composed, type ComposePlan, Composer } from "./compose.ts";
import { checkData, isDecoded, type TrainingData } from "./data.ts";
import type { Augmentation } from "./draws.ts";
import { OnDemandSource } from "./onDemand.ts";
import { BlockSource } from "./pixels.ts";

export type { Augmentation, TrainingData };

/** Who makes batches. The bits are the same whoever does. */
export interface DataWorkerOptions {
  /**
   * Threads that decode and augment batches while others compute; 0, the default, is the thread that trains. Node, Deno and Bun
   * have them; pages make batches where they train, whatever is asked for.
   */
  readonly numWorkers?: number;
  /** Batches that each worker is ahead; 2 by default. */
  readonly prefetchFactor?: number;
  /** Where `dataWorker.js` lies, when it is not beside the library. */
  readonly dataWorker?: string | URL;
}

/** How a `DataLoader` cuts, orders and changes pictures. */
export interface LoaderOptions extends DataWorkerOptions {
  readonly batch: number;
  readonly normalize: Normalization;
  readonly seed?: number;
  /** True by default. */
  readonly shuffle?: boolean;
  readonly augment?: Augmentation;
  /** Every picture left to right, before what is drawn. */
  readonly mirrored?: boolean;
  /** Leave out a last batch that has a single picture, which batch norm cannot train on. */
  readonly dropSingle?: boolean;
}

/** One batch of a `DataLoader`. */
export interface Batch {
  /** Of the epoch, from 0. */
  readonly index: number;
  readonly count: number;
  /** [count, channels, height, width], normalised. Whoever takes the batch disposes it. */
  readonly input: Tensor;
  /** [count] class numbers, or [count, classes] probabilities with mixup. */
  readonly target: Tensor;
  readonly labels: Uint16Array;
}

/**
 * Batches of pictures. All chance of an epoch comes from a generator with the seed 1000 (seed + 1) + epoch; so an epoch
 * is the same whoever computes it, and can be entered in the middle. With `numWorkers` it has threads, which `dispose` ends.
 */
export class DataLoader {
  readonly data: TrainingData;
  readonly steps: number;
  readonly #plan: ComposePlan;
  readonly #composer: Composer;
  readonly #workers: DataWorkerOptions & { readonly numWorkers: number; readonly prefetchFactor: number };
  #pool: Promise<DataPool> | undefined;
  #buffer: Float32Array<ArrayBuffer> | undefined;
  #disposed = false;

  constructor(data: TrainingData, options: LoaderOptions) {
    checkData("DataLoader", data);
    checkOptions("DataLoader", options);
    const { batch, normalize, augment = {}, seed = 0, shuffle = true, mirrored = false, dropSingle = false } = options;
    const { prefetchFactor = 2 } = options;
    const numWorkers = options.numWorkers ?? 0;
    checkWhole("DataLoader", { batch, prefetchFactor });
    checkWhole("DataLoader", { numWorkers }, 0);
    if (batch > data.length)
      throw new ArgumentError(`DataLoader: the batch of ${batch} is larger than the data: ${data.length} pictures`);
    checkOptions("augment", augment, "pad flip cutout mixup");
    for (const name of ["pad", "cutout"] as const) {
      const value = augment[name] ?? 0;
      if (!Number.isInteger(value) || value < 0)
        throw new ArgumentError(`DataLoader: ${name} must be whole pixels, got ${value}`);
    }
    if (!((augment.mixup ?? 0) >= 0))
      throw new ArgumentError(`DataLoader: mixup must be at least 0, got ${augment.mixup}`);
    const { length, height, width, channels, labels } = data;
    if (normalize === undefined) {
      throw new ArgumentError(
        "DataLoader: normalize is missing; for ImageNet's statistics imageClassification().normalize",
      );
    }
    const found = normalizationTables(normalize).length;
    if (found !== channels) {
      throw new ArgumentError(
        `DataLoader: the pictures have ${channels} channel(s), the normalization ${normalize.channels} ${found}`,
      );
    }
    const makers = dataWorkers === undefined ? 0 : numWorkers;
    if (makers > 0 && !isDecoded(data) && data.store.dataset.origin === undefined) {
      throw new ArgumentError(
        "DataLoader: workers can open only what openDataset opened as picture files; use numWorkers: 0, or prepare",
      );
    }
    this.data = data;
    const rest = length % batch;
    this.steps = Math.ceil(length / batch) - (dropSingle && rest === 1 && length > 1 ? 1 : 0);
    this.#plan = { batch, normalize, augment, seed, shuffle, mirrored, length, height, width, steps: this.steps };
    const source = isDecoded(data) ? new BlockSource(data.pixels, height * width * channels) : new OnDemandSource(data);
    this.#composer = new Composer(this.#plan, source, labels);
    this.#workers = { ...workerOptions(options), numWorkers: makers, prefetchFactor };
  }

  /** Batches of an epoch, from the batch `from` on, made on this thread. @throws ArgumentError for pictures that are decoded on demand */
  *epoch(epoch: number, from = 0): Generator<Batch, void, void> {
    const { data } = this;
    if (!isDecoded(data)) throw new ArgumentError("DataLoader.epoch: pictures are decoded on demand; use batches");
    const size = data.channels * data.height * data.width;
    for (let index = from; index < this.steps; index++) {
      const starts = Float64Array.from(this.#composer.indices(epoch, index), (i) => i * size);
      yield this.#batch(index, this.#composer.compose(epoch, index, starts, data.pixels, this.#ownBuffer()));
    }
  }

  /**
   * Batches of an epoch, from the batch `from` on: `for await (const batch of loader.batches(epoch))`. Workers begin with the batches that
   * follow; where `epochs` says that there is another epoch, with that one's too, so that they work while its owner evaluates.
   * @throws ResNetError (ERR_UNREADABLE) that names pictures of the batch; ERR_WORKER when a worker does not start, or ends
   */
  async *batches(epoch: number, from = 0, epochs = epoch + 1): AsyncGenerator<Batch, void, void> {
    if (this.#disposed) throw new DisposedError("data loader");
    if (this.#workers.numWorkers === 0) {
      for (let index = from; index < this.steps; index++) {
        yield this.#batch(index, await this.#composer.make(epoch, index, this.#ownBuffer()));
      }
      return;
    }
    this.#pool ??= dataWorkers!.open({
      ...this.#workers,
      data: this.data,
      plan: this.#plan,
      floats: this.#composer.floats,
    });
    const pool = await this.#pool;
    const next = ({ epoch, index }: Place): Place | undefined => {
      if (index + 1 < this.steps) return { epoch, index: index + 1 };
      return epoch + 1 < epochs ? { epoch: epoch + 1, index: 0 } : undefined;
    };
    for (let index = from; index < this.steps; index++) {
      const made = await pool.take({ epoch, index }, next);
      const batch = this.#batch(index, made);
      pool.release(made);
      yield batch;
    }
  }

  /** Ends the workers. Batches that were taken stay. */
  dispose(): void {
    this.#disposed = true;
    void this.#pool?.then(
      (pool) => pool.dispose(),
      () => {}, // it said so to whoever wanted a batch
    );
  }

  #ownBuffer(): Float32Array<ArrayBuffer> {
    this.#buffer ??= new Float32Array(this.#composer.floats);
    return this.#buffer;
  }

  #batch(index: number, { count, values, labels, lambda }: Composed): Batch {
    const { channels, height, width } = this.data;
    const input = Tensor.empty([count, channels, height, width]).keep();
    input.storage.write(values.subarray(0, input.size));
    return { index, count, input, target: this.#target(labels, lambda), labels };
  }

  #target(labels: Uint16Array, lambda: number | undefined): Tensor {
    const count = labels.length;
    if (lambda === undefined) {
      const target = Tensor.empty([count]).keep();
      target.storage.write(Float32Array.from(labels));
      return target;
    }
    const k = this.data.classes.length;
    const values = new Float32Array(count * k);
    for (let i = 0; i < count; i++) {
      values[i * k + labels[i]!]! += lambda;
      values[i * k + labels[count - 1 - i]!]! += 1 - lambda;
    }
    const target = Tensor.empty([count, k]).keep();
    target.storage.write(values);
    return target;
  }
}

/** The options of these names, and no others. */
export function workerOptions({ numWorkers, prefetchFactor, dataWorker }: DataWorkerOptions): DataWorkerOptions {
  return {
    ...(numWorkers === undefined ? {} : { numWorkers }),
    ...(prefetchFactor === undefined ? {} : { prefetchFactor }),
    ...(dataWorker === undefined ? {} : { dataWorker }),
  };
}
