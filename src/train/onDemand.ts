import { ArgumentError, ResNetError } from "../errors.ts";
import { checkOptions, need } from "../options.ts";
import type { ImageDataset } from "../vision/datasets.ts";
import type { Preprocessing } from "../vision/presets.ts";
import {
  checkDataset,
  checkedLabel,
  checkSize,
  eightBit,
  type PictureSize,
  readable,
  unreadablePictures,
} from "./decoded.ts";
import type { Gathered, PixelSource } from "./pixels.ts";

/** Pictures that are decoded when a batch first wants them, by a worker where there is one. What `fit` takes in place of `PreparedData`. */
export interface OnDemandData extends PictureSize {
  readonly length: number;
  /** Class numbers, each below `classes.length`. */
  readonly labels: Uint16Array;
  readonly classes: readonly string[];
  readonly store: PictureStore;
  /** The pictures of the store that these are; all of them where it is left out. */
  readonly picked?: Uint32Array;
}

/** Where pictures come from, and where those stay that were decoded. */
export interface PictureStore {
  readonly dataset: ImageDataset;
  readonly preprocessing: Preprocessing | undefined;
  /** The first pictures of the data set, as many as are kept; on memory that threads share, where there is such. */
  readonly pixels: Uint8Array;
  /** For each of those 1 when it is there. */
  readonly ready: Uint8Array;
}

/** Options of `prepareOnDemand`. */
export interface OnDemandOptions {
  /** Resize and crop; without it all pictures must have one size. Only its 8-bit part is used. */
  readonly preprocessing?: Preprocessing;
  /**
   * Bytes of decoded pictures that stay for the next epoch, 2^31 by default. What does not fit is decoded anew each time. Memory is
   * taken as pictures come.
   */
  readonly keep?: number;
}

/**
 * Describes a data set whose pictures are decoded later, so that training begins at once and decoding goes on beside it
 * (`fit(net, data, { numWorkers: 1 })`). The bits are those of `prepare`. A picture that cannot be read is then told of by
 * whoever wants its batch; `checkReadable` looks at all.
 * @throws ArgumentError for an empty set, labels out of range, a data set that has no `labelOf`; FileFormatError where the first
 *   picture has to be decoded to know the size, and cannot
 */
export async function prepareOnDemand(dataset: ImageDataset, options: OnDemandOptions = {}): Promise<OnDemandData> {
  const { length, classes } = checkDataset("prepareOnDemand", dataset);
  checkOptions("prepareOnDemand", options, "preprocessing keep");
  const { preprocessing, keep = 2 ** 31 } = options;
  if (!(keep >= 0)) throw new ArgumentError(`prepareOnDemand: keep must be at least 0 bytes, got ${keep}`);
  if (dataset.labelOf === undefined) {
    throw new ArgumentError("prepareOnDemand: the data set has no labelOf, so labels need decoding; use prepare");
  }
  const labels = Uint16Array.from({ length }, (_, i) => checkedLabel(dataset, i, dataset.labelOf!(i)));
  const { channels, height, width } = cropSize(preprocessing) ?? eightBit((await dataset.get(0)).image, preprocessing);
  const size = channels * height * width;
  const kept = Math.min(length, Math.floor(keep / size));
  const store = { dataset, preprocessing, pixels: sharedBytes(kept * size), ready: sharedBytes(kept) };
  return { length, channels, height, width, labels, classes, store };
}

/** The size that all pictures get, where the preprocessing says it. */
function cropSize(preprocessing: Preprocessing | undefined): PictureSize | undefined {
  if (!preprocessing?.crop) return undefined;
  const [height, width] = preprocessing.crop;
  return { channels: preprocessing.normalize.channels === "grey" ? 1 : 3, height, width };
}

/** Zeros that workers see as well; of this thread alone where memory cannot be shared. */
export function sharedBytes(bytes: number): Uint8Array {
  try {
    return typeof SharedArrayBuffer === "undefined"
      ? new Uint8Array(bytes)
      : new Uint8Array(new SharedArrayBuffer(bytes));
  } catch (cause) {
    const message = `the decoded pictures need ${(bytes / 2 ** 30).toFixed(1)} GiB of memory; keep fewer`;
    throw new ResNetError(message, { code: "ERR_OUT_OF_MEMORY", cause });
  }
}

/**
 * Decodes what was not decoded yet, and keeps it where there is room.
 * @param onProgress pictures seen, of how many
 * @throws ResNetError that lists the pictures that cannot be read; ArgumentError for different sizes
 */
export async function checkReadable(
  data: OnDemandData,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  need(data?.store, "checkReadable", "pictures as prepareOnDemand gives them", data);
  const source = new OnDemandSource(data);
  const unreadable: string[] = [];
  for (let i = 0; i < data.length; i++) {
    await source.decode(i, unreadable);
    if (onProgress && (i % 64 === 63 || i === data.length - 1)) onProgress(i + 1, data.length);
  }
  if (unreadable.length > 0) throw unreadablePictures("prepare", unreadable, data.length);
}

/** Pixels of pictures that are decoded when they are wanted and not kept yet. */
export class OnDemandSource implements PixelSource {
  readonly #data: OnDemandData;
  readonly #size: number;

  constructor(data: OnDemandData) {
    this.#data = data;
    this.#size = data.channels * data.height * data.width;
  }

  /** @throws ResNetError that lists those of these pictures that cannot be read */
  async gather(indices: Uint32Array): Promise<Gathered> {
    const { store, picked } = this.#data;
    const size = this.#size;
    const numbers = picked === undefined ? indices : indices.map((i) => picked[i]!);
    const unreadable: string[] = [];
    const found: (Uint8Array | undefined)[] = [];
    for (const i of indices) found.push(await this.decode(i, unreadable));
    if (unreadable.length > 0) throw unreadablePictures("a batch", unreadable, indices.length);
    if (numbers.every((i) => i < store.ready.length)) {
      return { pixels: store.pixels, starts: Float64Array.from(numbers, (i) => i * size) };
    }
    const pixels = new Uint8Array(indices.length * size);
    for (const [k, own] of found.entries()) pixels.set(own!, k * size);
    return { pixels, starts: Float64Array.from(indices, (_, k) => k * size) };
  }

  /** Pixels of a picture, kept ones where they are; undefined, and a message more, when it cannot be read. */
  async decode(index: number, unreadable: string[]): Promise<Uint8Array | undefined> {
    const { store, picked } = this.#data;
    const { dataset, preprocessing, pixels, ready } = store;
    const i = picked?.[index] ?? index;
    const kept = i < ready.length ? pixels.subarray(i * this.#size, (i + 1) * this.#size) : undefined;
    if (kept !== undefined && Atomics.load(ready, i) === 1) return kept;
    const sample = await readable(dataset, i, unreadable);
    if (sample === undefined) return undefined;
    const own = eightBit(sample.image, preprocessing);
    checkSize(dataset.nameOf(i), own, this.#data);
    if (kept === undefined) return new Uint8Array(own.data);
    // Two threads may do the same picture; they write the same bytes.
    kept.set(own.data);
    Atomics.store(ready, i, 1);
    return kept;
  }
}
