import { currentBackend } from "./backend/current.ts";
import { LocalClassifier } from "./classifier.ts";
import { type CheckpointSource, loadCheckpoint } from "./io/checkpoint.ts";
import type { FetchProgress } from "./io/fetch.ts";
import { type Checkpoint, isOpen } from "./io/stateDict.ts";
import { createForLogits } from "./models/logits.ts";
import type { ModelName } from "./models/names.ts";
import type { PictureNet } from "./models/pictureNet.ts";
import { isKind } from "./platform/kinds.ts";
import { type FetchWeightsOptions, fetchWeights } from "./pretrained.ts";
import { usualPreprocessing } from "./usual.ts";
import type { Labels } from "./vision/labels/labels.ts";
import type { Preprocessing } from "./vision/presets.ts";
import type { PublishedWeights } from "./weights.ts";

// What a page and a worker have in common when they open a classifier. Nothing here is loaded lazily: a worker's script is one
// file, because bundlers cannot be trusted to split it (Vite before 8 refuses to).

/** What loading is doing. */
export interface LoadProgress {
  /** `"download"` and `"verify"` where weights come from the network, then `"open"`, `"load"`, `"ready"`. */
  readonly phase: "download" | "verify" | "open" | "load" | "ready";
  readonly file: string;
  /** In bytes, while downloading. */
  readonly loaded?: number;
  readonly total?: number | undefined;
  /** Nothing was downloaded. */
  readonly fromCache?: boolean;
}

/** Which network, with which weights: what a thread needs to be told to open a classifier. */
export interface ClassifierSource {
  readonly model: ModelName;
  readonly published?: PublishedWeights;
  /** Where none are published. */
  readonly weights?: CheckpointSource | Checkpoint;
  /** What messages call the file. */
  readonly file: string;
  readonly fetch?: FetchWeightsOptions;
  readonly preprocessing?: Preprocessing;
}

export interface OpenOptions {
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Says the names of the classes once their number is known. */
  readonly labels?: (numClasses: number) => Labels | undefined | Promise<Labels | undefined>;
}

/**
 * Opens the checkpoint, builds the network that it fits, and loads it, on the backend of this thread.
 * @throws StateDictError, FileFormatError, FileAccessError, DownloadError
 */
export async function openClassifier(source: ClassifierSource, options: OpenOptions = {}): Promise<LocalClassifier> {
  const { model, published, file } = source;
  const { onProgress } = options;
  onProgress?.({ phase: "open", file });
  const checkpoint = await open(source, options);
  onProgress?.({ phase: "load", file });
  const home = currentBackend(); // labels may take their time, and `init` be called meanwhile
  const net = build(model, checkpoint);
  try {
    net.loadStateDict(checkpoint);
    net.eval().requiresGrad(false);
    const labels = await options.labels?.(net.numClasses);
    const preprocessing =
      source.preprocessing ?? published?.preprocessing ?? usualPreprocessing(model, net.conv1.inChannels);
    const made = new LocalClassifier(model, net, preprocessing, labels, home);
    onProgress?.({ phase: "ready", file });
    return made;
  } catch (error) {
    net.dispose();
    throw error;
  }
}

async function open(
  { published, weights, file, fetch = {} }: ClassifierSource,
  { signal, onProgress }: OpenOptions,
): Promise<Checkpoint> {
  const aborting = signal === undefined ? {} : { signal };
  const report = (p: FetchProgress): void => {
    if (p.phase !== "ready") onProgress?.({ ...p, phase: p.phase });
  };
  if (published !== undefined) return fetchWeights(published, { onProgress: report, ...aborting, ...fetch });
  if (weights !== undefined && isOpen(weights)) return weights;
  // Bytes have no name of their own; whatever else there is says its own.
  const named = isKind(weights, "Uint8Array", "ArrayBuffer") ? { name: file } : {};
  const { format: _, allowNonCommercial: __, signal: ___, ...download } = fetch;
  return loadCheckpoint(weights!, { ...aborting, ...named, download: { onProgress: report, ...download } });
}

/** The network as the checkpoint has it, with or without a classifier; shapes that do not fit are reported when it is loaded. */
function build(model: ModelName, checkpoint: Checkpoint): PictureNet {
  const size = (key: string, axis: number): number | undefined => checkpoint.get(key)?.shape[axis];
  const inChannels = size("conv1.weight", 1);
  const numClasses = size("fc.weight", 0) ?? size("linear.weight", 0) ?? (inChannels === undefined ? undefined : 0);
  const known = inChannels === 1 || inChannels === 3 ? inChannels : undefined;
  return createForLogits(model, { init: "empty", numClasses, inChannels: known });
}
