import type { Backend, BackendInfo } from "./backend/backend.ts";
import { ArgumentError } from "./errors.ts";
import { checkLabels, classIndex, type Explanation, explanation } from "./explanation.ts";
import type { ModelName } from "./models/names.ts";
import type { PictureNet } from "./models/pictureNet.ts";
import { Linear } from "./nn/linear.ts";
import { type PictureOutputs, PicturePrograms } from "./picturePrograms.ts";
import { activationMap, upsample } from "./vision/heatmap.ts";
import type { RawImage } from "./vision/image.ts";
import type { Labels } from "./vision/labels/labels.ts";
import type { Preprocessing } from "./vision/presets.ts";
import { type ImageInput, toImage } from "./vision/toImage.ts";
import { type Prediction, topIndices, topK } from "./vision/topk.ts";
import { preprocess, seenRegion } from "./vision/transforms.ts";

export type { Explanation } from "./explanation.ts";

/** What every call of a classifier takes beside the picture. */
export interface PictureOptions {
  readonly signal?: AbortSignal;
  /**
   * Hands the picture's memory over to the worker instead of copying it: an ArrayBuffer, bytes, pixels, ImageBitmap or VideoFrame
   * cannot be used afterwards. Canvases, images and videos need no such word. Nothing happens where there is no worker.
   */
  readonly transfer?: boolean;
}

/** Options of `classify`. */
export interface ClassifyOptions extends PictureOptions {
  /** Number of classes in the answer; 5 by default. */
  readonly topK?: number;
}

/** Options of `explain`. */
export interface ExplainOptions extends PictureOptions {
  /** An index or a label; the likeliest class by default. */
  readonly class?: number | string;
}

/** A network with its weights, its labels and the way from pictures to its input. Made by `createClassifier`. */
export interface Classifier {
  readonly model: ModelName;
  readonly labels: Labels | undefined;
  readonly preprocessing: Preprocessing;
  /** 0 where the network ends in features. */
  readonly numClasses: number;
  /** True where it runs in a worker of its own. */
  readonly worker: boolean;
  /** Where it runs and why, as `info()` says it: the page's backend, or the worker's when it was made. */
  readonly backend: BackendInfo;
  /** The likeliest classes of a picture, likeliest first. */
  classify(image: ImageInput, options?: ClassifyOptions): Promise<Prediction[]>;
  /** The pooled feature of a picture, [numFeatures]: what the classifier sees. Pictures that look alike have similar ones. */
  embed(image: ImageInput, options?: PictureOptions): Promise<Float32Array>;
  /**
   * Where the network sees a class, by its class activation map: exact for these networks, which end in a global average and
   * one linear layer.
   * @param options.class an index or a label; the likeliest class by default
   */
  explain(image: ImageInput, options?: ExplainOptions): Promise<Explanation>;
  /** Logits of a batch of decoded pictures, [pictures, classes] row by row. */
  logits(images: readonly RawImage[], options?: { readonly signal?: AbortSignal }): Promise<Float32Array>;
  /** Gives the network's memory back, and ends its worker. */
  dispose(): void;
}

/** A classifier on the backend of this thread. */
export class LocalClassifier implements Classifier {
  readonly model: ModelName;
  readonly labels: Labels | undefined;
  readonly preprocessing: Preprocessing;
  readonly numClasses: number;
  readonly worker = false;
  readonly #home: Backend;
  /** The classifier's weight, [numClasses, numFeatures], for activation maps. */
  readonly #weight: Promise<Float32Array> | undefined;
  readonly #programs: PicturePrograms;

  /** Takes the network over: its weights are packed at the first picture, and the network itself can then not be used. */
  constructor(
    model: ModelName,
    net: PictureNet,
    preprocessing: Preprocessing,
    labels: Labels | undefined,
    home: Backend,
  ) {
    checkLabels(labels, net.numClasses);
    this.model = model;
    this.#home = home;
    this.#programs = new PicturePrograms(net, home);
    this.preprocessing = preprocessing;
    this.labels = labels;
    this.numClasses = net.numClasses;
    this.#weight = net.fc instanceof Linear ? net.fc.weight.data() : undefined;
    this.#weight?.catch(() => undefined); // whoever explains hears of it
  }

  get backend(): BackendInfo {
    return this.#home.info();
  }

  async classify(image: ImageInput, options: ClassifyOptions = {}): Promise<Prediction[]> {
    const picture = await toImage(image, options);
    return topK(await this.logits([picture], options), options.topK, this.labels);
  }

  async embed(image: ImageInput, options: PictureOptions = {}): Promise<Float32Array> {
    const picture = await toImage(image, options);
    return this.#run([picture], ({ feature }) => feature.data(), options.signal);
  }

  async explain(image: ImageInput, options: ExplainOptions = {}): Promise<Explanation> {
    const picture = await toImage(image, options);
    const weight = await this.#weight;
    if (weight === undefined) throw new ArgumentError("explain: the network has no classifier");
    const { logits, stored, shape } = await this.#run(
      [picture],
      async (y) => ({
        logits: await y.logits.data(),
        stored: await y.maps.storage.read(),
        shape: y.maps.shape as readonly [number, number, number, number],
      }),
      options.signal,
    );
    const { class: wanted } = options;
    const index = wanted === undefined ? topIndices(logits, 1)[0]! : classIndex(wanted, this);
    const [, channels, height, width] = shape;
    const small = activationMap(stored, width, height, weight.subarray(index * channels, (index + 1) * channels));
    const map = upsample(small, picture.width, picture.height, seenRegion(picture, this.preprocessing));
    return explanation(picture, index, map, this.labels);
  }

  async logits(images: readonly RawImage[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    if (this.numClasses === 0) throw new ArgumentError("classify: the network has no classifier; use embed");
    signal?.throwIfAborted();
    return this.#run(images, ({ logits }) => logits.data(), signal);
  }

  /** Features of a batch of decoded pictures, [pictures, numFeatures] row by row. */
  async features(images: readonly RawImage[]): Promise<Float32Array> {
    return this.#run(images, ({ feature }) => feature.data());
  }

  dispose(): void {
    this.#programs.dispose();
  }

  async #run<T>(
    images: readonly RawImage[],
    use: (outputs: PictureOutputs) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const { data, shape } = preprocess(images, this.preprocessing, "channels-last");
    const found = await this.#programs.run(data, shape, use, signal);
    signal?.throwIfAborted();
    return found;
  }
}
