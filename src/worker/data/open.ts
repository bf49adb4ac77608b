import { isDecoded, type TrainingData } from "../../train/data.ts";
import { sharedBytes } from "../../train/onDemand.ts";
import type { Spawned } from "../spawn.ts";
import type { SentPictures } from "./messages.ts";
import { DataPool } from "./pool.ts";
import type { DataJob } from "./workers.ts";

/** Starts the workers of a loader. @throws ResNetError (ERR_WORKER) */
export function openPool({ data, plan, floats, numWorkers, prefetchFactor }: DataJob, spawn: () => Spawned): DataPool {
  const request = { plan, labels: data.labels, data: sent(data) };
  return new DataPool({ spawn, workers: numWorkers, prefetch: prefetchFactor, floats, request });
}

/** Pixels that threads share are only pointed to; others are copied once, for all workers. */
function sent(data: TrainingData): SentPictures {
  const { channels, height, width } = data;
  if (!isDecoded(data)) {
    const { dataset, preprocessing, pixels, ready } = data.store;
    return {
      kind: "onDemand",
      origin: dataset.origin!,
      pictures: dataset.length,
      size: { channels, height, width },
      preprocessing,
      pixels,
      ready,
      picked: data.picked,
    };
  }
  const isShared = typeof SharedArrayBuffer !== "undefined" && data.pixels.buffer instanceof SharedArrayBuffer;
  const pixels = isShared ? data.pixels : sharedBytes(data.pixels.length);
  if (!isShared) pixels.set(data.pixels);
  return { kind: "decoded", pixels, size: channels * height * width };
}
