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

/** `--workers`, or what pays: a thread for decoding where there is a second core. */
export function workers(values: Values, data: TrainingData): { readonly numWorkers: number } {
  return { numWorkers: count(values, "workers", isDecoded(data) || availableParallelism() < 2 ? 0 : 1, 0) };
}

/** Training stops at the first picture that cannot be read; people want to hear of all at once. */
export async function tellAllUnreadable<T>(parts: readonly TrainingData[], body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof ResNetError && error.code === "ERR_UNREADABLE") {
      for (const data of parts) if (!isDecoded(data)) await checkReadable(data);
    }
    throw error;
  }
}
