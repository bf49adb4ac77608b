import type { Classifier } from "./classifier.ts";
import { ArgumentError } from "./errors.ts";
import { init } from "./init.ts";
import type { CheckpointSource } from "./io/checkpoint.ts";
import type { Checkpoint } from "./io/stateDict.ts";
import { embeddedCifarResnet20 } from "./models/embedded/cifarResnet20.ts";
import { type ModelName, modelName } from "./models/registry.ts";
import { type ClassifierSource, isOpen, type LoadProgress, openClassifier } from "./openClassifier.ts";
import type { FetchWeightsOptions } from "./pretrained.ts";
import { hasMemory } from "./tensor/memory.ts";
import { usualLabels } from "./usual.ts";
import type { Labels } from "./vision/labels/labels.ts";
import type { Preprocessing } from "./vision/transforms.ts";
import { findWeights, isWeightsName, type PublishedWeights, weightsOf } from "./weights.ts";

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
  if (!hasMemory()) await init();
  const labels = (numClasses: number) => options.labels ?? usualLabels(model, numClasses);
  return openClassifier(await describe(model, options), { ...options, labels });
}

/** Which weights: those that were handed over, published ones, or the embedded ones. */
async function describe(
  model: ModelName,
  { weights, fetch, preprocessing }: ClassifierOptions,
): Promise<ClassifierSource> {
  const more = { ...(fetch && { fetch }), ...(preprocessing && { preprocessing }) };
  const published = choosePublished(model, weights);
  if (published !== undefined) return { model, published, file: `${published.model} ${published.name}`, ...more };
  if (weights !== undefined) return { model, weights, file: fileName(weights), ...more };
  if (model !== "cifar_resnet20") {
    throw new ArgumentError(`createClassifier: ${model} needs weights: none are published for it`);
  }
  return { model, weights: await embeddedCifarResnet20(), file: "embedded", ...more };
}

function fileName(weights: CheckpointSource | Checkpoint): string {
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
