import type { Classifier } from "./classifier.ts";
import { ArgumentError, ResNetError } from "./errors.ts";
import { checkInit, type InitOptions, init, initOptions } from "./init.ts";
import type { CheckpointSource } from "./io/checkpoint.ts";
import { type Checkpoint, isOpen } from "./io/stateDict.ts";
import { embeddedCifarResnet20 } from "./models/embedded/cifarResnet20.ts";
import { type ModelName, modelName } from "./models/names.ts";
import type { ClassifierSource, LoadProgress } from "./openClassifier.ts";
import { checkOptions } from "./options.ts";
import { isKind } from "./platform/kinds.ts";
import type { FetchWeightsOptions } from "./pretrained.ts";
import { currentMemory, hasMemory } from "./tensor/memory.ts";
import { usualLabels } from "./usual.ts";
import type { Labels } from "./vision/labels/labels.ts";
import type { Preprocessing } from "./vision/presets.ts";
import { findWeights, isWeightsName, type PublishedWeights, weightsOf } from "./weights.ts";

/** Weights, labels, and where a classifier runs. */
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
  /** From picture to input; that of the network's family by default, `greyClassification()` for a network of one channel. */
  readonly preprocessing?: Preprocessing;
  /** Called as weights are downloaded (bytes), verified, opened and loaded. */
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
  /**
   * Whether the network lives in a worker of its own, so that the thread that asks never stands still: in pages by default, elsewhere
   * only when asked for (Node has workers too). An address says where the script is, when that is not beside the library
   * (`classifierWorker.js`, one file). A page whose worker cannot be started does without, and warns in the console;
   * with `true` or an address that is an error.
   */
  readonly worker?: boolean | string | URL;
  /** Where calls come faster than answers, only the newest waits: the others reject with a `DroppedError`. Needs a worker. */
  readonly latestOnly?: boolean;
  /** How the worker's backend is set up; by default as this thread's was by `init`. Without a worker, `init` it is. */
  readonly init?: InitOptions;
}

const known = "weights fetch labels preprocessing onProgress signal worker latestOnly init";

/**
 * A network that classifies pictures, ready to use: built, loaded, with labels and preprocessing. Calls `init()` where nobody did.
 * @throws UnknownNameError, StateDictError, FileFormatError, FileAccessError, DownloadError
 */
export async function createClassifier(
  name: ModelName | (string & {}) = "cifar_resnet20",
  options: ClassifierOptions = {},
): Promise<Classifier> {
  const model = modelName(name);
  checkOptions("createClassifier", options, known);
  const { latestOnly = false, signal, onProgress } = options;
  if (options.init !== undefined) checkInit(options.init);
  const labels = (numClasses: number) => options.labels ?? usualLabels(model, numClasses);
  const opening = { signal, onProgress, labels };
  if (wantsWorker(options)) {
    const source = async () => {
      const source = await describe(model, options);
      const own =
        options.weights === undefined && source.weights instanceof Uint8Array ? source.weights.buffer : undefined;
      return { source, transfer: own === undefined ? [] : [own as ArrayBuffer] };
    };
    const { openRemote } = await import("./worker/classifier/remote.ts");
    const script = typeof options.worker === "boolean" ? undefined : options.worker;
    const { backend, ...setUp } = options.init ?? initOptions();
    const init = { ...setUp, ...(backend === "wasm" || backend === "js" ? { backend } : {}) };
    try {
      return await openRemote(model, { ...opening, source, script, latestOnly, init });
    } catch (error) {
      const failed = error instanceof ResNetError && error.code === "ERR_WORKER";
      if (!failed || options.worker !== undefined || latestOnly) throw error;
      console.warn(
        `resnet-ts: ${error.message}; the page's own thread does the work instead, and stands still meanwhile`,
      );
    }
  }
  if (latestOnly) throw new ArgumentError("createClassifier: latestOnly needs a worker: pass worker: true");
  if (options.init !== undefined || !hasMemory()) await init(options.init);
  const { openClassifier } = await import("./openClassifier.ts"); // all networks and file formats: not where a worker has them
  return openClassifier(await describe(model, options), opening);
}

/** @throws ArgumentError where a worker is asked for, and cannot be given what it needs */
function wantsWorker({ worker, weights, fetch, init: setUp = initOptions() }: ClassifierOptions): boolean {
  if (worker === false) return false;
  if (worker === undefined && !("document" in globalThis && typeof Worker === "function")) return false;
  const obstacles: readonly [boolean, string][] = [
    [weights !== undefined && isOpen(weights), "weights that are open already; give their address, Blob or bytes"],
    [fetch?.fetch !== undefined || fetch?.store !== undefined, "a fetch or store of your own"],
    [onGpu(setUp), "a graphics card"],
  ];
  const obstacle = obstacles.find(([is]) => is)?.[1];
  if (obstacle === undefined) return true;
  if (worker === undefined) return false;
  throw new ArgumentError(`createClassifier: a worker cannot be given ${obstacle} (or pass worker: false)`);
}

/** A GPU computes beside its thread anyhow. Only a page that has asked for the best of all knows what it has got. */
function onGpu(asked: InitOptions): boolean {
  if (asked.backend === "auto") return asked !== initOptions() || (hasMemory() && currentMemory().name === "webgpu");
  return asked.backend === "webgpu";
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
  if (typeof weights === "string" || isKind(weights, "URL")) return String(weights);
  return isOpen(weights) ? weights.name : "buffer";
}

function choosePublished(
  model: ModelName,
  weights: CheckpointSource | Checkpoint | undefined,
): PublishedWeights | undefined {
  if (isWeightsName(weights)) return findWeights(model, weights);
  return weights === undefined && weightsOf(model).length > 0 ? findWeights(model, "DEFAULT") : undefined;
}
