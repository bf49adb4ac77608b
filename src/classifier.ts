import { ArgumentError, DisposedError, UnknownNameError } from "./errors.ts";
import { type Compilable, type CompiledNetwork, compile } from "./graph/compile.ts";
import { init } from "./init.ts";
import { type CheckpointSource, loadCheckpoint } from "./io/checkpoint.ts";
import type { FetchProgress } from "./io/fetch.ts";
import type { Checkpoint } from "./io/stateDict.ts";
import { embeddedCifarResnet20 } from "./models/embedded/cifarResnet20.ts";
import type { PictureNet } from "./models/pictureNet.ts";
import { createModel, type ModelName, modelName, models } from "./models/registry.ts";
import { Linear } from "./nn/linear.ts";
import { type FetchWeightsOptions, fetchWeights } from "./pretrained.ts";
import { hasMemory } from "./tensor/memory.ts";
import { Tensor } from "./tensor/tensor.ts";
import { encodePng } from "./vision/encodePng.ts";
import { activationMap, type HeatMap, overlay, upsample } from "./vision/heatmap.ts";
import type { RawImage, RgbImage } from "./vision/image.ts";
import { cifar10Labels, cifar100Labels } from "./vision/labels/cifar.ts";
import type { Labels } from "./vision/labels/labels.ts";
import { type ImageInput, toImage } from "./vision/toImage.ts";
import { type Prediction, topIndices, topK } from "./vision/topk.ts";
import {
  cifarClassification,
  imageClassification,
  kerasClassification,
  type Preprocessing,
  preprocess,
  seenRegion,
} from "./vision/transforms.ts";
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

export interface ClassifyOptions {
  /** Number of classes in the answer; 5 by default. */
  readonly topK?: number;
  readonly signal?: AbortSignal;
}

/** Where in a picture a class was seen. */
export interface Explanation {
  readonly index: number;
  readonly label: string;
  /** Class activation map over the picture's pixels: above 0 speaks for the class, below against it. */
  readonly map: HeatMap;
  /** The picture with the map laid over it. @param opacity of the hottest spot, 0 to 1; 0.7 by default */
  overlay(opacity?: number): RgbImage;
  /** The overlay as a PNG file. */
  png(opacity?: number): Promise<Uint8Array>;
}

/** What one pass gives. */
interface Outputs {
  readonly maps: Tensor;
  readonly feature: Tensor;
  readonly logits: Tensor;
}

/** A network with its weights, its labels and the way from pictures to its input. Made by {@link createClassifier}. */
export class Classifier {
  readonly model: ModelName;
  readonly labels: Labels | undefined;
  readonly preprocessing: Preprocessing;
  /** 0 where the network ends in features. */
  readonly numClasses: number;
  /** The classifier's weight, [numClasses, numFeatures], for activation maps. */
  readonly #weight: Float32Array | undefined;
  readonly #net: PictureNet;
  /** The network compiled for each shape of input that was used last. Packed weights are shared. */
  readonly #programs = new Map<string, CompiledNetwork<Outputs>>();
  #disposed = false;

  /** Takes the network over: its weights are packed at the first picture, and the network itself can then not be used. */
  constructor(model: ModelName, net: PictureNet, preprocessing: Preprocessing, labels: Labels | undefined) {
    if (labels !== undefined && labels.length !== net.numClasses) {
      throw new ArgumentError(`createClassifier: ${labels.length} labels for ${net.numClasses} classes`);
    }
    this.model = model;
    this.#net = net;
    this.preprocessing = preprocessing;
    this.labels = labels;
    this.numClasses = net.numClasses;
    this.#weight = net.fc instanceof Linear ? net.fc.weight.dataSync() : undefined;
  }

  /** The likeliest classes of a picture, likeliest first. */
  async classify(image: ImageInput, options: ClassifyOptions = {}): Promise<Prediction[]> {
    const { topK: k = 5, ...rest } = options;
    return topK(await this.logits([await toImage(image, rest)]), k, this.labels);
  }

  /** The pooled feature of a picture, [numFeatures]: what the classifier sees. Pictures that look alike have similar ones. */
  async embed(image: ImageInput, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    const picture = await toImage(image, options);
    return this.#run([picture], ({ feature }) => feature.data());
  }

  /**
   * Where the network sees a class, by its class activation map: exact for these networks, which end in a global average and
   * one linear layer.
   * @param options.class an index or a label; the likeliest class by default
   */
  async explain(
    image: ImageInput,
    options: { readonly class?: number | string; readonly signal?: AbortSignal } = {},
  ): Promise<Explanation> {
    const { class: wanted, ...rest } = options;
    const picture = await toImage(image, rest);
    const weight = this.#weight;
    if (weight === undefined) throw new ArgumentError("explain: the network has no classifier");
    const { logits, stored, shape } = await this.#run([picture], async (y) => ({
      logits: await y.logits.data(),
      stored: await y.maps.storage.read(),
      shape: y.maps.shape as readonly [number, number, number, number],
    }));
    const index = wanted === undefined ? topIndices(logits, 1)[0]! : this.#classIndex(wanted);
    const [, channels, height, width] = shape;
    const small = activationMap(stored, width, height, weight.subarray(index * channels, (index + 1) * channels));
    const map = upsample(small, picture.width, picture.height, seenRegion(picture, this.preprocessing));
    const laid = (opacity?: number): RgbImage => overlay(picture, map, opacity);
    return {
      index,
      label: this.labels?.[index]?.name ?? `class ${index}`,
      map,
      overlay: laid,
      png: (opacity) => encodePng(laid(opacity)),
    };
  }

  /** Logits of a batch of decoded pictures, [pictures, classes] row by row. */
  async logits(images: readonly RawImage[]): Promise<Float32Array> {
    if (this.numClasses === 0) throw new ArgumentError("classify: the network has no classifier; use embed");
    return this.#run(images, ({ logits }) => logits.data());
  }

  /** Gives the network's memory back. */
  dispose(): void {
    this.#disposed = true;
    for (const program of this.#programs.values()) program.dispose();
    this.#programs.clear();
    this.#net.dispose();
  }

  #classIndex(wanted: number | string): number {
    if (typeof wanted === "number") {
      if (Number.isInteger(wanted) && wanted >= 0 && wanted < this.numClasses) return wanted;
      throw new ArgumentError(`explain: classes are from 0 to ${this.numClasses - 1}, got ${wanted}`);
    }
    const names = this.labels ?? [];
    const plain = wanted.toLowerCase();
    const index = names.findIndex(({ name, wnid }) => name.toLowerCase() === plain || wnid === wanted);
    if (index < 0)
      throw new UnknownNameError(
        "class",
        wanted,
        names.map(({ name }) => name),
      );
    return index;
  }

  async #run<T>(images: readonly RawImage[], use: (outputs: Outputs) => Promise<T>): Promise<T> {
    const { data, shape } = preprocess(images, this.preprocessing, "channels-last");
    const program = await this.#program(shape);
    const x = Tensor.empty(shape);
    let y: Outputs | undefined;
    try {
      x.storage.write(data); // a 4-D tensor's bytes are channels-last
      y = await program.run(x);
      return await use(y);
    } finally {
      x.dispose();
      for (const t of Object.values(y ?? {})) (t as Tensor).dispose();
    }
  }

  async #program(shape: readonly number[]): Promise<CompiledNetwork<Outputs>> {
    if (this.#disposed) throw new DisposedError("classifier");
    const key = shape.join();
    const found = this.#programs.get(key);
    if (found !== undefined) return found;
    const [before] = this.#programs.values();
    const made = before === undefined ? await compile(outputs(this.#net), shape) : await before.forShape(shape);
    this.#programs.set(key, made);
    // Two shapes are the usual case, a batch and its rest; a third takes the place of the oldest.
    for (const [old, program] of this.#programs) {
      if (this.#programs.size <= 3) break;
      this.#programs.delete(old);
      program.dispose();
    }
    return made;
  }
}

/** A network as one that gives everything which somebody may ask for in one pass. */
function outputs(net: PictureNet): Compilable<Outputs> {
  return {
    modules: () => net.modules(),
    stateDict: () => net.stateDict(),
    forward(x) {
      const maps = net.forwardFeatures(x);
      const feature = net.pool(maps);
      return { maps, feature, logits: net.fc.forward(feature) };
    },
  };
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

/** From a picture to the input of a family's published weights. */
export function usualPreprocessing(model: ModelName): Preprocessing {
  const { family } = models[model];
  if (family === "cifar") return cifarClassification();
  if (family === "keras") return kerasClassification(model.endsWith("v2") ? "tf" : "caffe");
  return imageClassification();
}

/** ImageNet's or CIFAR's labels, where the number of classes says which. */
export async function usualLabels(model: ModelName, numClasses: number): Promise<Labels | undefined> {
  if (models[model].family === "cifar") {
    if (numClasses === 10) return cifar10Labels;
    return numClasses === 100 ? cifar100Labels : undefined;
  }
  return numClasses === 1000 ? (await import("./vision/labels/imagenet.ts")).imagenetLabels : undefined;
}
