import { ArgumentError, ResNetError } from "../errors.ts";
import type { ImageDataset } from "../vision/datasets.ts";
import { toGrey, toRgb } from "../vision/image.ts";
import type { Preprocessing } from "../vision/presets.ts";
import { resizeAndCrop } from "../vision/transforms.ts";

/** Pictures of one size, decoded, in one block of memory: 8 bits, channels-last. What training reads, epoch after epoch. */
export interface PreparedData {
  readonly length: number;
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  /** [length][height][width][channels] */
  readonly pixels: Uint8Array;
  /** Class numbers, each below `classes.length`. */
  readonly labels: Uint16Array;
  readonly classes: readonly string[];
}

/** Options of `prepare`. */
export interface PrepareOptions {
  /** Resize and crop; without it all pictures must have one size. Only its 8-bit part is used. */
  readonly preprocessing?: Preprocessing;
  /** Pictures decoded, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Decodes a whole data set once.
 * @throws ArgumentError for an empty set, a class without pictures, a single class, labels out of range, different sizes; a
 *   ResNetError that lists the pictures that cannot be read
 */
export async function prepare(dataset: ImageDataset, options: PrepareOptions = {}): Promise<PreparedData> {
  const { preprocessing, onProgress } = options;
  const { length, classes } = dataset;
  if (length === 0) throw new ArgumentError("prepare: the data set is empty");
  const labels = new Uint16Array(length);
  const unreadable: string[] = [];
  let out: { pixels: Uint8Array; height: number; width: number; channels: 1 | 3 } | undefined;
  for (let i = 0; i < length; i++) {
    const sample = await readable(dataset, i, unreadable);
    if (sample === undefined) continue;
    const { image, label } = sample;
    if (!Number.isInteger(label) || label < 0 || label >= classes.length) {
      throw new ArgumentError(`${dataset.nameOf(i)}: label ${label} is not one of the ${classes.length} classes`);
    }
    labels[i] = label;
    const own = preprocessing
      ? resizeAndCrop(image, preprocessing)
      : image.channels === 1
        ? toGrey(image)
        : toRgb(image);
    if (out === undefined) {
      const { height, width } = own;
      const channels = own.channels === 1 ? 1 : 3;
      out = { pixels: allocate(length * height * width * channels), height, width, channels };
    }
    const { pixels, height, width, channels } = out;
    if (own.height !== height || own.width !== width || own.channels !== channels) {
      throw new ArgumentError(
        `${dataset.nameOf(i)}: is ${own.width}x${own.height} with ${own.channels} channel(s), the first picture ` +
          `${width}x${height} with ${channels}; pass a preprocessing that crops`,
      );
    }
    pixels.set(own.data, i * height * width * channels);
    if (onProgress && (i % 64 === 63 || i === length - 1)) onProgress(i + 1, length);
  }
  if (unreadable.length > 0 || out === undefined) {
    const more = unreadable.length > 5 ? `; and ${unreadable.length - 5} more` : "";
    throw new ResNetError(
      `prepare: ${unreadable.length} of ${length} pictures cannot be read: ${unreadable.slice(0, 5).join("; ")}${more}`,
      { code: "ERR_UNREADABLE" },
    );
  }
  return { length, labels, classes, ...out };
}

async function readable(dataset: ImageDataset, index: number, unreadable: string[]) {
  try {
    return await dataset.get(index);
  } catch (error) {
    if (!(error instanceof ResNetError)) throw error;
    unreadable.push(error.message);
    return undefined;
  }
}

function allocate(bytes: number): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new ResNetError(`prepare: the decoded pictures need ${(bytes / 2 ** 30).toFixed(1)} GiB of memory`, {
      cause,
    });
  }
}

/** What training needs beyond readable pictures: at least two classes, and pictures of each. @throws ArgumentError */
export function checkTrainable({ classes, labels }: PreparedData): void {
  if (classes.length < 2) {
    throw new ArgumentError(
      `training: the data has ${classes.length} class${classes.length === 1 ? ` (${classes[0]})` : "es"}; at least two are needed`,
    );
  }
  const counts = new Uint32Array(classes.length);
  for (const label of labels) {
    if (label >= classes.length)
      throw new ArgumentError(`training: label ${label} is not one of ${classes.length} classes`);
    counts[label]!++;
  }
  const empty = classes.filter((_, i) => counts[i] === 0);
  if (empty.length > 0) throw new ArgumentError(`training: no picture shows ${empty.slice(0, 10).join(", ")}`);
}

/** Some of the pictures, in the order given; pixels are copied. */
export function subset(data: PreparedData, indices: ArrayLike<number>): PreparedData {
  const size = data.height * data.width * data.channels;
  const pixels = new Uint8Array(indices.length * size);
  const labels = new Uint16Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]!;
    pixels.set(data.pixels.subarray(from * size, (from + 1) * size), i * size);
    labels[i] = data.labels[from]!;
  }
  return { ...data, length: indices.length, pixels, labels };
}
