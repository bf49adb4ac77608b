import { type Classifier, createClassifier, type LoadProgress } from "resnet-ts";

/** Networks that the page offers; all but the first are downloaded, from the addresses that the library knows. */
export const offered = [
  { name: "cifar_resnet20", megabytes: 0.6 },
  { name: "resnet18", megabytes: 46.8 },
  { name: "resnet34", megabytes: 87.3 },
  { name: "resnet50", megabytes: 102.5 },
  { name: "resnet101", megabytes: 178.8 },
] as const;

export type Offered = (typeof offered)[number]["name"];

export interface OpenOptions {
  readonly weights?: Blob;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** A classifier in a worker of its own; of frames that come too fast only the newest waits. */
export function openNetwork(name: Offered, options: OpenOptions = {}): Promise<Classifier> {
  return createClassifier(name, { latestOnly: true, worker: true, ...options });
}
