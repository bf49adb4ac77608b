import { ResNetError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import type { ImageDataset } from "../vision/datasets.ts";
import type { Preprocessing } from "../vision/presets.ts";
import { checkDataset, checkedLabel, checkSize, eightBit, readable, unreadablePictures } from "./decoded.ts";

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
 * @throws ArgumentError for an empty set, labels out of range, different sizes; a ResNetError that lists the pictures that cannot be
 *   read. Whether there are classes to tell apart is asked by `fit` (`checkTrainable`)
 */
export async function prepare(dataset: ImageDataset, options: PrepareOptions = {}): Promise<PreparedData> {
  checkOptions("prepare", options, "preprocessing onProgress");
  const { preprocessing, onProgress } = options;
  const { length, classes } = checkDataset("prepare", dataset);
  const labels = new Uint16Array(length);
  const unreadable: string[] = [];
  let out: { pixels: Uint8Array; height: number; width: number; channels: 1 | 3 } | undefined;
  for (let i = 0; i < length; i++) {
    const sample = await readable(dataset, i, unreadable);
    if (sample === undefined) continue;
    const { image, label } = sample;
    labels[i] = checkedLabel(dataset, i, label);
    const own = eightBit(image, preprocessing);
    if (out === undefined) {
      const { height, width, channels } = own;
      out = { pixels: allocate(length * height * width * channels), height, width, channels };
    }
    checkSize(dataset.nameOf(i), own, out);
    out.pixels.set(own.data, i * own.data.length);
    if (onProgress && (i % 64 === 63 || i === length - 1)) onProgress(i + 1, length);
  }
  if (unreadable.length > 0 || out === undefined) throw unreadablePictures("prepare", unreadable, length);
  return { length, labels, classes, ...out };
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
