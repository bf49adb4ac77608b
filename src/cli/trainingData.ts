import { availableParallelism } from "node:os";
import { FileFormatError, ResNetError } from "../errors.ts";
import { isDecoded, type TrainingData } from "../train/data.ts";
import { checkReadable, prepareOnDemand } from "../train/onDemand.ts";
import { prepare } from "../train/prepared.ts";
import type { ImageDataset } from "../vision/datasets.ts";
import { openDataset, samePictures } from "../vision/openDataset.ts";
import type { Preprocessing } from "../vision/presets.ts";
import { count, type OptionSpec, type Values } from "./command.ts";
import { Progress } from "./progress.ts";

/** Picture files are decoded while the network trains, what is one block of bytes at once. */
export async function trainingData(
  dataset: ImageDataset,
  preprocessing: Preprocessing,
  what: string,
): Promise<TrainingData> {
  if (dataset.origin !== undefined) return prepareOnDemand(dataset, { preprocessing });
  const bar = new Progress(what, dataset.length);
  try {
    return await prepare(dataset, { preprocessing, onProgress: (done) => bar.update(done) });
  } finally {
    bar.end();
  }
}

/** The part for tests beside the one for training, where there are two. */
export async function openTests(path: string, dataset: ImageDataset): Promise<ImageDataset | undefined> {
  try {
    const tested = await openDataset(path, { split: "test" });
    return samePictures(dataset, tested) ? undefined : tested;
  } catch (error) {
    if (error instanceof FileFormatError && error.code === "ERR_NO_SPLIT") return undefined;
    throw error;
  }
}

/**
 * Whether a data set is of grey pictures: some from all over it are looked at, since among colour photographs there are often grey ones. What
 * cannot be read is told of later.
 */
export async function isGrey(dataset: ImageDataset): Promise<boolean> {
  const looks = Math.min(32, dataset.length);
  let grey = false;
  for (let i = 0; i < looks; i++) {
    try {
      const { image } = await dataset.get(Math.floor((i * dataset.length) / looks));
      if (image.channels !== 1) return false;
      grey = true;
    } catch (error) {
      if (!(error instanceof ResNetError)) throw error;
    }
  }
  return grey;
}

/** A picture of fewer pixels is decoded in a fraction of the time that its training takes. */
const smallPicture = 2 ** 16;

/**
 * `--workers`, or what pays (bench/train/workers.ts): decoding photographs takes longer than training a small network on them, so each
 * core gets a worker; small pictures keep one busy at most, and what is decoded none.
 */
export async function workers(values: Values, data: TrainingData): Promise<{ readonly numWorkers: number }> {
  const cores = availableParallelism();
  const preset = async () => {
    if (isDecoded(data) || cores < 2) return 0;
    try {
      const { width, height } = (await data.store.dataset.get(0)).image;
      return width * height < smallPicture ? 1 : Math.min(cores, 4);
    } catch {
      return 1; // whoever wants its batch says what is wrong with it
    }
  };
  return { numWorkers: values.workers === undefined ? await preset() : count(values, "workers", 0, 0) };
}

/** For commands that learn from mirrored pictures too. */
export const flipOption: Readonly<Record<string, OptionSpec>> = {
  "no-flip": {
    type: "boolean",
    help: "do not mirror pictures, half of which else are: for digits, letters, and whatever has a left and a right",
  },
};

/** Whether pictures are mirrored. Classes that are called by one sign are most likely pictures of signs. */
export function mirrors(values: Values, classes: readonly string[]): boolean {
  if (values["no-flip"] === true) return false;
  if (classes.every((name) => [...name].length === 1))
    console.error(`note: pictures are mirrored as well; if the classes ${classes[0]} … are signs, give --no-flip`);
  return true;
}

/** Training stops at the first picture that cannot be read; people want to hear of all at once. */
export async function tellAllUnreadable<T>(parts: readonly TrainingData[], body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    const told: string[] = [];
    for (const data of parts) {
      if (isDecoded(data)) continue;
      await checkReadable(data).catch((reason: unknown) => {
        if (!isUnreadable(reason)) throw reason;
        told.push(reason.message);
      });
    }
    // None, when somebody mended it in the meantime.
    throw told.length === 0 ? error : new ResNetError(told.join("; "), { code: "ERR_UNREADABLE", cause: error });
  }
}

function isUnreadable(error: unknown): error is ResNetError {
  return error instanceof ResNetError && error.code === "ERR_UNREADABLE";
}
