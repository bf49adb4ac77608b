import { Classifier } from "./classifier.ts";
import { ArgumentError } from "./errors.ts";
import { init } from "./init.ts";
import { type CheckpointSource, loadCheckpoint } from "./io/checkpoint.ts";
import type { FetchProgress } from "./io/fetch.ts";
import type { Checkpoint } from "./io/stateDict.ts";
import { embeddedCifarResnet20 } from "./models/embedded/cifarResnet20.ts";
import type { PictureNet } from "./models/pictureNet.ts";
import { createModel, type ModelName, modelName, models } from "./models/registry.ts";
import { type FetchWeightsOptions, fetchWeights } from "./pretrained.ts";
import { hasMemory } from "./tensor/memory.ts";
import { usualLabels, usualPreprocessing } from "./usual.ts";
import type { Labels } from "./vision/labels/labels.ts";
import type { Preprocessing } from "./vision/transforms.ts";
import { findWeights, isWeightsName, type PublishedWeights, weightsOf } from "./weights.ts";

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

export interface ClassifierOptions {
  /**
   * The name of published weights (`"IMAGENET1K_V2"`, `"DEFAULT"`), or a checkpoint: path, address, bytes, Blob, or one that is
   * open already. By default the embedded ones for `cifar_resnet20`, `"DEFAULT"` for networks of which some are published.
   */
  readonly weights?: CheckpointSource | Checkpoint;
  /** How published weights are fetched: format, mirror, cache, offline, licence. */
  readonly fetch?: FetchWeightsOptions;
  /** Names of the classes; ImageNet's for 1000, CIFAR's for 10 and 100 of a CIFAR network. */
  readonly labels?: Labels;
  /** From picture to input; that of the network's family by default. */
  readonly preprocessing?: Preprocessing;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * A network that classifies pictures, ready to use: built, loaded, with labels and preprocessing. Calls `init()` where nobody did.
 * @throws UnknownNameError, StateDictError, FileFormatError, FileAccessError, DownloadError
 */
export async function createClassifier(
  name: ModelName | (string & {}) = "cifar_resnet20",
  options: ClassifierOptions = {},
): Promise<Classifier> {
  const model = modelName(name);
  const { onProgress, weights } = options;
  if (!hasMemory()) await init();
  const published = choosePublished(model, weights);
  const file = published === undefined ? fileName(weights) : `${published.model} ${published.name}`;
  onProgress?.({ phase: "open", file });
  const checkpoint = await open(model, published, options);
  onProgress?.({ phase: "load", file });
  const net = build(model, checkpoint);
  try {
    net.loadStateDict(checkpoint);
    net.eval().requiresGrad(false);
    const labels = options.labels ?? (await usualLabels(model, net.numClasses));
    const made = new Classifier(
      model,
      net,
      options.preprocessing ?? published?.preprocessing ?? usualPreprocessing(model),
      labels,
    );
    onProgress?.({ phase: "ready", file });
    return made;
  } catch (error) {
    net.dispose();
    throw error;
  }
}

function isOpen(weights: CheckpointSource | Checkpoint): weights is Checkpoint {
  return weights instanceof Map;
}

function fileName(weights: CheckpointSource | Checkpoint | undefined): string {
  if (weights === undefined) return "embedded";
  if (typeof weights === "string" || weights instanceof URL) return String(weights);
  return isOpen(weights) ? weights.name : "buffer";
}

function choosePublished(
  model: ModelName,
  weights: CheckpointSource | Checkpoint | undefined,
): PublishedWeights | undefined {
  if (isWeightsName(weights)) return findWeights(model, weights);
  return weights === undefined && weightsOf(model).length > 0 ? findWeights(model, "DEFAULT") : undefined;
}

async function open(
  model: ModelName,
  published: PublishedWeights | undefined,
  { weights, signal, onProgress, fetch = {} }: ClassifierOptions,
): Promise<Checkpoint> {
  const aborting = signal === undefined ? {} : { signal };
  if (published !== undefined) {
    const report = (p: FetchProgress): void => {
      if (p.phase !== "ready") onProgress?.({ ...p, phase: p.phase });
    };
    return fetchWeights(published, { onProgress: report, ...aborting, ...fetch });
  }
  if (weights === undefined) {
    if (model !== "cifar_resnet20") {
      throw new ArgumentError(`createClassifier: ${model} needs weights: none are published for it`);
    }
    return loadCheckpoint(await embeddedCifarResnet20(), { name: "embedded cifar_resnet20" });
  }
  return isOpen(weights) ? weights : loadCheckpoint(weights, aborting);
}

/** The network as the checkpoint's classifier has it; shapes that do not fit are reported when it is loaded. */
function build(model: ModelName, checkpoint: Checkpoint): PictureNet {
  const size = (key: string, axis: number): number | undefined => checkpoint.get(key)?.shape[axis];
  const numClasses = size("fc.weight", 0) ?? size("linear.weight", 0);
  const inChannels = size("conv1.weight", 1);
  const options: Record<string, unknown> = { init: "empty" };
  if (inChannels === 1 || inChannels === 3) options.inChannels = inChannels;
  if (models[model].family === "keras") options.classifierActivation = null;
  if (numClasses !== undefined) options[models[model].family === "keras" ? "classes" : "numClasses"] = numClasses;
  return createModel(model as string, options);
}
