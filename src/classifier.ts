import { noGrad } from "./autograd.ts";
import { ArgumentError } from "./errors.ts";
import { init } from "./init.ts";
import { type CheckpointSource, loadCheckpoint } from "./io/checkpoint.ts";
import type { Checkpoint } from "./io/stateDict.ts";
import { embeddedCifarResnet20 } from "./models/embedded/cifarResnet20.ts";
import type { PictureNet } from "./models/pictureNet.ts";
import { createModel, type ModelName, modelName, models } from "./models/registry.ts";
import { hasMemory } from "./tensor/memory.ts";
import { tidy } from "./tensor/scope.ts";
import { Tensor } from "./tensor/tensor.ts";
import type { RawImage } from "./vision/image.ts";
import { cifar10Labels, cifar100Labels } from "./vision/labels/cifar.ts";
import type { Labels } from "./vision/labels/labels.ts";
import { type ImageInput, toImage } from "./vision/toImage.ts";
import { type Prediction, topK } from "./vision/topk.ts";
import {
  cifarClassification,
  imageClassification,
  kerasClassification,
  type Preprocessing,
  preprocess,
} from "./vision/transforms.ts";

/** What loading is doing. `loaded` and `total` are bytes, where they are known. */
export interface LoadProgress {
  readonly phase: "open" | "load" | "ready";
  readonly file: string;
}

export interface ClassifierOptions {
  /** A checkpoint: path, address, bytes, Blob, or one that is open already. The embedded one for `cifar_resnet20` by default. */
  readonly weights?: CheckpointSource | Checkpoint;
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

/** A network with its weights, its labels and the way from pictures to its input. */
export class Classifier {
  readonly model: ModelName;
  readonly net: PictureNet;
  readonly labels: Labels | undefined;
  readonly preprocessing: Preprocessing;

  constructor(model: ModelName, net: PictureNet, preprocessing: Preprocessing, labels: Labels | undefined) {
    if (labels !== undefined && labels.length !== net.numClasses) {
      throw new ArgumentError(`createClassifier: ${labels.length} labels for ${net.numClasses} classes`);
    }
    this.model = model;
    this.net = net;
    this.preprocessing = preprocessing;
    this.labels = labels;
  }

  /** The likeliest classes of a picture, likeliest first. */
  async classify(image: ImageInput, options: ClassifyOptions = {}): Promise<Prediction[]> {
    const picture = await toImage(image, options.signal === undefined ? {} : { signal: options.signal });
    const logits = await this.logits([picture]);
    return topK(logits, options.topK ?? 5, this.labels);
  }

  /** The pooled feature of a picture, [numFeatures]: what the classifier sees. Pictures that look alike have similar ones. */
  async embed(image: ImageInput, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    const x = this.input([await toImage(image, options)]);
    const feature = tidy(() => noGrad(() => this.net.pool(this.net.forwardFeatures(x))));
    x.dispose();
    try {
      return await feature.data();
    } finally {
      feature.dispose();
    }
  }

  /** Logits of a batch of decoded pictures, [pictures, classes] row by row. */
  async logits(images: readonly RawImage[]): Promise<Float32Array> {
    const x = this.input(images);
    const y = noGrad(() => this.net.forward(x));
    x.dispose();
    try {
      return await y.data();
    } finally {
      y.dispose();
    }
  }

  /** The network's input for decoded pictures; the caller disposes it. */
  input(images: readonly RawImage[]): Tensor {
    const { data, shape } = preprocess(images, this.preprocessing, "channels-last");
    const x = Tensor.empty(shape);
    x.storage.write(data); // a 4-D tensor's bytes are channels-last
    return x;
  }

  /** Gives the network's memory back. */
  dispose(): void {
    this.net.dispose();
  }
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
  const { onProgress, weights, signal } = options;
  if (!hasMemory()) await init();
  const file = weights === undefined ? "embedded" : fileName(weights);
  onProgress?.({ phase: "open", file });
  const checkpoint = await open(model, weights, signal);
  onProgress?.({ phase: "load", file });
  const net = build(model, checkpoint);
  try {
    net.loadStateDict(checkpoint);
    net.eval().requiresGrad(false);
    const labels = options.labels ?? (await usualLabels(model, net.numClasses));
    const made = new Classifier(model, net, options.preprocessing ?? usualPreprocessing(model), labels);
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

function fileName(weights: CheckpointSource | Checkpoint): string {
  if (typeof weights === "string" || weights instanceof URL) return String(weights);
  return isOpen(weights) ? weights.name : "buffer";
}

async function open(
  model: ModelName,
  weights: CheckpointSource | Checkpoint | undefined,
  signal: AbortSignal | undefined,
): Promise<Checkpoint> {
  if (weights === undefined) {
    if (model !== "cifar_resnet20") {
      throw new ArgumentError(`createClassifier: ${model} needs weights; only cifar_resnet20 comes with the package`);
    }
    return loadCheckpoint(await embeddedCifarResnet20(), { name: "embedded cifar_resnet20" });
  }
  return isOpen(weights) ? weights : loadCheckpoint(weights, signal === undefined ? {} : { signal });
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
