import type { Normalization } from "../vision/presets.ts";
import { normalizationTables } from "../vision/transforms.ts";
import { type DrawPlan, type Draws, drawEpoch } from "./draws.ts";
import type { PixelSource } from "./pixels.ts";

/** How batches are cut and changed. It can be sent to a worker. */
export interface ComposePlan extends DrawPlan {
  readonly batch: number;
  readonly normalize: Normalization;
  /** Every picture left to right, whatever is drawn. */
  readonly mirrored: boolean;
}

/** A batch before it is a tensor. */
export interface Composed {
  readonly count: number;
  /** [count][height][width][channels] normalised, at the beginning of the buffer that was given. */
  readonly values: Float32Array<ArrayBuffer>;
  readonly labels: Uint16Array<ArrayBuffer>;
  /** Mixup's share of the batch itself; the rest is of the batch from its end. */
  readonly lambda: number | undefined;
}

/** Makes batches out of 8-bit pixels: order, crops, mirrors, normalisation, cutout, mixup. Knows no tensors, so it runs on any thread. */
export class Composer {
  readonly #plan: ComposePlan;
  readonly #source: PixelSource;
  readonly #labels: Uint16Array;
  readonly #tables: readonly Float32Array[];
  /** Channel of the picture that channel c of the input is. */
  readonly #channelOf: readonly number[];
  #drawn: { readonly epoch: number; readonly draws: Draws } | undefined;

  constructor(plan: ComposePlan, source: PixelSource, labels: Uint16Array) {
    this.#plan = plan;
    this.#source = source;
    this.#labels = labels;
    this.#tables = normalizationTables(plan.normalize);
    this.#channelOf = plan.normalize.channels === "bgr" ? [2, 1, 0] : this.#tables.map((_, c) => c);
  }

  /** 32-bit floats of a whole batch. */
  get floats(): number {
    const { batch, length, height, width } = this.#plan;
    return Math.min(batch, length) * height * width * this.#tables.length;
  }

  /** Which pictures a batch shows, in its order. */
  indices(epoch: number, index: number): Uint32Array {
    const { batch } = this.#plan;
    return this.#draws(epoch).order.subarray(index * batch, (index + 1) * batch);
  }

  /** A batch of pixels that are at hand. @param out {@link floats} */
  compose(epoch: number, index: number, starts: ArrayLike<number>, pixels: Uint8Array, out: Float32Array<ArrayBuffer>) {
    const draws = this.#draws(epoch);
    const indices = this.indices(epoch, index);
    const count = indices.length;
    const size = this.#plan.height * this.#plan.width * this.#tables.length;
    for (let i = 0; i < count; i++) {
      this.#picture(draws, index * this.#plan.batch + i, pixels, starts[i]!, out, i * size);
    }
    const lambda = draws.lambda[index];
    if (lambda !== undefined) blend(out, count, size, lambda);
    const labels = Uint16Array.from(indices, (picture) => this.#labels[picture]!);
    return { count, values: out, labels, lambda } satisfies Composed;
  }

  /** A batch, decoded first where that is needed. */
  async make(epoch: number, index: number, out: Float32Array<ArrayBuffer>): Promise<Composed> {
    const { pixels, starts } = await this.#source.gather(this.indices(epoch, index));
    return this.compose(epoch, index, starts, pixels, out);
  }

  #draws(epoch: number): Draws {
    if (this.#drawn?.epoch !== epoch) this.#drawn = { epoch, draws: drawEpoch(this.#plan, epoch) };
    return this.#drawn.draws;
  }

  /** The k-th picture of the epoch, normalised, channels-last. */
  #picture(draws: Draws, k: number, pixels: Uint8Array, base: number, out: Float32Array, at: number): void {
    const { height, width, mirrored, augment } = this.#plan;
    const channels = this.#tables.length;
    const { pad = 0, cutout = 0 } = augment;
    const down = (draws.dy[k] ?? pad) - pad;
    const right = (draws.dx[k] ?? pad) - pad;
    const turned = (draws.flip[k] === 1) !== mirrored;
    for (let c = 0; c < channels; c++) {
      const table = this.#tables[c]!;
      const black = table[0]!;
      const from = base + this.#channelOf[c]!;
      for (let y = 0; y < height; y++) {
        let o = at + y * width * channels + c;
        const sy = y + down;
        const row = from + sy * width * channels;
        const inside = sy >= 0 && sy < height;
        for (let x = 0; x < width; x++, o += channels) {
          const sx = (turned ? width - 1 - x : x) + right;
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
}

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
