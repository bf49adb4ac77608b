import { ArgumentError } from "../errors.ts";
import { pow } from "../tensor/math.ts";
import { Generator } from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Normalization } from "../vision/presets.ts";
import { normalizationTables } from "../vision/transforms.ts";
import type { PreparedData } from "./prepared.ts";

/** Chance on the pictures of training. Nothing is done that is not named. */
export interface Augmentation {
  /** Black pixels put around the picture before a crop of its own size at a random place. */
  readonly pad?: number;
  /** Mirror half of the pictures left to right. */
  readonly flip?: boolean;
  /** Side of a square at a random place that is set to the mean (DeVries and Taylor 2017, arXiv 1708.04552). Pixels. */
  readonly cutout?: number;
  /** Alpha of Beta(alpha, alpha): pairs of pictures and their labels are blended (Zhang et al. 2018, arXiv 1710.09412). */
  readonly mixup?: number;
}

/** How a `DataLoader` cuts, orders and changes pictures. */
export interface LoaderOptions {
  readonly batch: number;
  readonly normalize: Normalization;
  readonly seed?: number;
  /** True by default. */
  readonly shuffle?: boolean;
  readonly augment?: Augmentation;
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

interface Draws {
  readonly order: Uint32Array;
  readonly dy: Float64Array;
  readonly dx: Float64Array;
  readonly flip: Float64Array;
  readonly cutY: Float64Array;
  readonly cutX: Float64Array;
  readonly lambda: Float64Array;
}

/**
 * Batches of prepared pictures. All chance of an epoch comes from a generator with the seed 1000 (seed + 1) + epoch, which draws in
 * this order: the permutation, the crops' rows, their columns, the mirrors, and what else is asked for. The k-th picture of the epoch takes
 * the k-th of each; so an epoch is the same whoever computes it, and can be entered in the middle.
 */
export class DataLoader {
  readonly data: PreparedData;
  readonly steps: number;
  readonly #options: LoaderOptions;
  readonly #tables: readonly Float32Array[];
  /** Channel of the picture that channel c of the input is. */
  readonly #source: readonly number[];

  constructor(data: PreparedData, options: LoaderOptions) {
    const { batch, normalize, augment = {}, dropSingle = false } = options;
    if (!Number.isInteger(batch) || batch < 1) {
      throw new ArgumentError(`DataLoader: batch must be a whole number of at least 1, got ${batch}`);
    }
    if (batch > data.length)
      throw new ArgumentError(`DataLoader: the batch of ${batch} is larger than the data: ${data.length} pictures`);
    for (const name of ["pad", "cutout"] as const) {
      const value = augment[name] ?? 0;
      if (!Number.isInteger(value) || value < 0)
        throw new ArgumentError(`DataLoader: ${name} must be whole pixels, got ${value}`);
    }
    if (!((augment.mixup ?? 0) >= 0))
      throw new ArgumentError(`DataLoader: mixup must be at least 0, got ${augment.mixup}`);
    this.data = data;
    this.#options = options;
    this.#tables = normalizationTables(normalize);
    if (this.#tables.length !== data.channels) {
      throw new ArgumentError(
        `DataLoader: the pictures have ${data.channels} channel(s), the normalization ${normalize.channels} ${this.#tables.length}`,
      );
    }
    this.#source = normalize.channels === "bgr" ? [2, 1, 0] : this.#tables.map((_, c) => c);
    const rest = data.length % batch;
    this.steps = Math.ceil(data.length / batch) - (dropSingle && rest === 1 && data.length > 1 ? 1 : 0);
  }

  /** Batches of an epoch, from the batch `from` on. */
  *epoch(epoch: number, from = 0): Generator_<Batch> {
    const { length } = this.data;
    const draws = this.#draw(epoch);
    const size = this.data.height * this.data.width * this.data.channels;
    const buffer = new Float32Array(Math.min(this.#options.batch, length) * size);
    for (let index = from; index < this.steps; index++) yield this.#batch(index, draws, buffer);
  }

  #draw(epoch: number): Draws {
    const { seed = 0, shuffle = true, augment = {} } = this.#options;
    const { length: n, height, width } = this.data;
    const g = new Generator(1000 * (seed + 1) + epoch);
    const { pad = 0, flip = false, cutout = 0, mixup = 0 } = augment;
    const none = new Float64Array(0);
    const order = g.randperm(n);
    if (!shuffle) for (let i = 0; i < n; i++) order[i] = i;
    return {
      order,
      dy: pad > 0 ? g.randint(n, 0, 2 * pad + 1) : none,
      dx: pad > 0 ? g.randint(n, 0, 2 * pad + 1) : none,
      flip: flip ? g.randint(n, 0, 2) : none,
      cutY: cutout > 0 ? g.randint(n, 0, height) : none,
      cutX: cutout > 0 ? g.randint(n, 0, width) : none,
      lambda: mixup > 0 ? Float64Array.from({ length: this.steps }, () => beta(g, mixup)) : none,
    };
  }

  #batch(index: number, draws: Draws, buffer: Float32Array): Batch {
    const { length, height, width, channels, labels } = this.data;
    const { batch } = this.#options;
    const begin = index * batch;
    const count = Math.min(batch, length - begin);
    const size = height * width * channels;
    const own = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      own[i] = labels[draws.order[begin + i]!]!;
      this.#picture(draws, begin + i, buffer, i * size);
    }
    const lambda = draws.lambda[index];
    if (lambda !== undefined) blend(buffer, count, size, lambda);
    const input = Tensor.empty([count, channels, height, width]).keep();
    input.storage.write(buffer.subarray(0, count * size));
    return { index, count, input, target: this.#target(own, lambda), labels: own };
  }

  /** The k-th picture of the epoch, normalised, channels-last. */
  #picture(draws: Draws, k: number, out: Float32Array, at: number): void {
    const { height, width, channels, pixels } = this.data;
    const { pad = 0, cutout = 0 } = this.#options.augment ?? {};
    const down = (draws.dy[k] ?? pad) - pad;
    const right = (draws.dx[k] ?? pad) - pad;
    const mirrored = draws.flip[k] === 1;
    const base = draws.order[k]! * height * width * channels;
    for (let c = 0; c < channels; c++) {
      const table = this.#tables[c]!;
      const black = table[0]!;
      const from = base + this.#source[c]!;
      for (let y = 0; y < height; y++) {
        let o = at + y * width * channels + c;
        const sy = y + down;
        const row = from + sy * width * channels;
        const inside = sy >= 0 && sy < height;
        for (let x = 0; x < width; x++, o += channels) {
          const sx = (mirrored ? width - 1 - x : x) + right;
          out[o] = inside && sx >= 0 && sx < width ? table[pixels[row + sx * channels]!]! : black;
        }
      }
    }
    if (cutout > 0) {
      const top = draws.cutY[k]! - (cutout >> 1);
      const left = draws.cutX[k]! - (cutout >> 1);
      for (let y = Math.max(0, top); y < Math.min(height, top + cutout); y++) {
        const row = at + y * width * channels;
        out.fill(0, row + Math.max(0, left) * channels, row + Math.min(width, left + cutout) * channels);
      }
    }
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

/** TypeScript's generator type; the name is taken by random numbers. */
type Generator_<T> = globalThis.Generator<T, void, void>;

/** Each picture with its opposite number from the end of the batch. */
function blend(buffer: Float32Array, count: number, size: number, lambda: number): void {
  for (let i = 0; i < count >> 1; i++) {
    const a = i * size;
    const b = (count - 1 - i) * size;
    for (let j = 0; j < size; j++) {
      const x = buffer[a + j]!;
      const y = buffer[b + j]!;
      buffer[a + j] = lambda * x + (1 - lambda) * y;
      buffer[b + j] = lambda * y + (1 - lambda) * x;
    }
  }
}

/** Beta(a, a) by Jöhnk's method; slow for large a, where mixup is never used. */
function beta(g: Generator, a: number): number {
  for (let tries = 0; tries < 10000; tries++) {
    const x = pow(g.uniform53(), 1 / a);
    const y = pow(g.uniform53(), 1 / a);
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
  return 0.5;
}
