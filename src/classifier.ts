import { ArgumentError, UnknownNameError } from "./errors.ts";
import type { PictureNet } from "./models/pictureNet.ts";
import type { ModelName } from "./models/registry.ts";
import { Linear } from "./nn/linear.ts";
import { type PictureOutputs, PicturePrograms } from "./picturePrograms.ts";
import { encodePng } from "./vision/encodePng.ts";
import { activationMap, type HeatMap, overlay, upsample } from "./vision/heatmap.ts";
import type { RawImage, RgbImage } from "./vision/image.ts";
import type { Labels } from "./vision/labels/labels.ts";
import { type ImageInput, toImage } from "./vision/toImage.ts";
import { type Prediction, topIndices, topK } from "./vision/topk.ts";
import { type Preprocessing, preprocess, seenRegion } from "./vision/transforms.ts";

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

/** A network with its weights, its labels and the way from pictures to its input. Made by {@link createClassifier}. */
export class Classifier {
  readonly model: ModelName;
  readonly labels: Labels | undefined;
  readonly preprocessing: Preprocessing;
  /** 0 where the network ends in features. */
  readonly numClasses: number;
  /** The classifier's weight, [numClasses, numFeatures], for activation maps. */
  readonly #weight: Float32Array | undefined;
  readonly #programs: PicturePrograms;

  /** Takes the network over: its weights are packed at the first picture, and the network itself can then not be used. */
  constructor(model: ModelName, net: PictureNet, preprocessing: Preprocessing, labels: Labels | undefined) {
    if (labels !== undefined && labels.length !== net.numClasses) {
      throw new ArgumentError(`createClassifier: ${labels.length} labels for ${net.numClasses} classes`);
    }
    this.model = model;
    this.#programs = new PicturePrograms(net);
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
    this.#programs.dispose();
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

  async #run<T>(images: readonly RawImage[], use: (outputs: PictureOutputs) => Promise<T>): Promise<T> {
    const { data, shape } = preprocess(images, this.preprocessing, "channels-last");
    return this.#programs.run(data, shape, use);
  }
}
