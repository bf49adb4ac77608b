import { createHash } from "node:crypto";
import type { LocalClassifier } from "../classifier.ts";
import { OutOfMemoryError, ResNetError } from "../errors.ts";
import { init } from "../init.ts";
import type { ModelName } from "../models/names.ts";
import { openClassifier } from "../openClassifier.ts";
import type { FetchWeightsOptions } from "../pretrained.ts";
import { usualLabels } from "../usual.ts";
import { decodeImage } from "../vision/decode.ts";
import type { RawImage } from "../vision/image.ts";
import type { Label } from "../vision/labels/labels.ts";
import type { Preprocessing } from "../vision/presets.ts";
import { topK } from "../vision/topk.ts";
import type { Settings } from "./job.ts";
import { openWeights, shortHash } from "./model.ts";

/** What an engine computes, as a message to a thread can carry it. */
export interface EngineSpec extends Pick<Settings, "what" | "top" | "hash" | "labels"> {
  readonly model: ModelName;
  readonly weights: string;
  readonly preprocessing: Preprocessing;
  readonly fetch?: Pick<FetchWeightsOptions, "offline" | "allowNonCommercial">;
}

export interface PictureBytes {
  readonly file: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A picture's line, or why it has none. */
export type Outcome = { readonly line: string } | { readonly reason: string };

/** Pictures that run at a time: enough for the kernels, few enough for the cache. */
export const batchFor = ({ crop }: Preprocessing): number => ((crop?.[0] ?? 224) <= 64 ? 64 : 8);

/** Bytes of decoded pictures that are held at a time, but for the last one: batches of photographs are computed in several goes. */
const HELD = 2 ** 27;

/** What fills a batch that is not full: large pictures would be resized for nothing. */
const filling: RawImage = { data: new Uint8Array(3), width: 1, height: 1, channels: 3 };

/** From bytes of picture files to lines of results, on one thread, in strict mode. */
export class Engine {
  readonly batch: number;
  readonly #spec: EngineSpec;
  readonly #classifier: LocalClassifier;

  /** Use {@link Engine.open}. */
  constructor(spec: EngineSpec, classifier: LocalClassifier) {
    this.#spec = spec;
    this.#classifier = classifier;
    this.batch = batchFor(spec.preprocessing);
  }

  static async open(spec: EngineSpec): Promise<Engine> {
    await init({ backend: "wasm", threads: 1, relaxed: false });
    const { model, preprocessing, labels } = spec;
    const weights = await openWeights(spec, spec.fetch);
    const classifier = await openClassifier(
      { model, weights, file: spec.weights, preprocessing },
      { labels: (classes) => (labels === "" ? usualLabels(model, classes) : (JSON.parse(labels) as Label[])) },
    );
    return new Engine(spec, classifier);
  }

  /**
   * Lines of at most `batch` pictures. A picture that is none costs only itself.
   * The network always runs at one size, so that it is compiled once; a picture's bits do not depend on its neighbours.
   */
  async run(pictures: readonly PictureBytes[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = new Array(pictures.length);
    let images: RawImage[] = [];
    let places: number[] = [];
    let held = 0;
    const compute = async (): Promise<void> => {
      if (images.length === 0) return;
      const rows = await this.#rows(images);
      for (const [n, i] of places.entries()) {
        const { file } = pictures[i]!;
        try {
          outcomes[i] = { line: this.#line(file, rows[n]!) };
        } catch (error) {
          outcomes[i] = { reason: reasonOf(error, file) };
        }
      }
      [images, places, held] = [[], [], 0];
    };
    for (const [i, { file, bytes }] of pictures.entries()) {
      try {
        const image = await decodeImage(bytes, file);
        images.push(image);
        places.push(i);
        held += image.data.byteLength;
      } catch (error) {
        outcomes[i] = { reason: reasonOf(error, file) };
      }
      if (held > HELD) await compute();
    }
    await compute();
    return outcomes;
  }

  /** Hash of what the network makes of one certain picture: equal where weights, kernels and their use are equal. */
  async probe(): Promise<string> {
    const [row] = await this.#rows([testPicture()]);
    return bitsOf(row!).slice(0, 8);
  }

  close(): void {
    this.#classifier.dispose();
  }

  async #rows(images: readonly RawImage[]): Promise<Float32Array[]> {
    const full = [...images];
    while (full.length < this.batch) full.push(filling);
    const values =
      this.#spec.what === "embed" ? await this.#classifier.features(full) : await this.#classifier.logits(full);
    const width = values.length / full.length;
    return images.map((_, i) => values.subarray(i * width, (i + 1) * width));
  }

  #line(file: string, row: Float32Array): string {
    const { model, hash, what, top } = this.#spec;
    const known = { file, model, hash: shortHash(hash) };
    const bits = bitsOf(row);
    if (what === "embed") return JSON.stringify({ ...known, feature: [...row], bits });
    return JSON.stringify({ ...known, top: topK(row, top, this.#classifier.labels), bits });
  }
}

/** Half a SHA-256 of the network's output: tells whether two machines computed the same, to the last bit. */
const bitsOf = (row: Float32Array): string =>
  createHash("sha256")
    .update(new Uint8Array(row.buffer, row.byteOffset, row.byteLength))
    .digest("hex")
    .slice(0, 32);

/** Why a picture cannot be used; what is not the picture's fault is thrown on. */
function reasonOf(error: unknown, file: string): string {
  const isItsOwn = error instanceof ResNetError && error.code !== "ERR_MISSING_PACKAGE";
  if (!isItsOwn || error instanceof OutOfMemoryError) throw error;
  return error.message.startsWith(`${file}: `) ? error.message.slice(file.length + 2) : error.message;
}

function testPicture(): RawImage {
  const [width, height] = [300, 200];
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, s = 1; i < data.length; i++) {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    data[i] = s >>> 24;
  }
  return { data, width, height, channels: 3 };
}
