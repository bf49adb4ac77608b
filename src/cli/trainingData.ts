import { availableParallelism } from "node:os";
import { ResNetError } from "../errors.ts";
import { isDecoded, type TrainingData } from "../train/data.ts";
import { checkReadable, prepareOnDemand } from "../train/onDemand.ts";
import { prepare } from "../train/prepared.ts";
import type { ImageDataset } from "../vision/datasets.ts";
import type { Preprocessing } from "../vision/presets.ts";
import { count, type Values } from "./command.ts";
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
