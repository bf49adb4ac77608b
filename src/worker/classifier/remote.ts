import { absolute, spawnClassifier } from "#worker";
import type { BackendInfo } from "../../backend/backend.ts";
import {
  type BinaryName,
  binaryName,
  bytesOf,
  compileBinary,
  hasTeam,
  inlinedBinary,
} from "../../backend/wasm/binary.ts";
import { inlineBytes } from "../../backend/wasm/inline.ts";
import { plan } from "../../backend/wasm/plan.ts";
import type { Classifier, ClassifyOptions, ExplainOptions, Explanation, PictureOptions } from "../../classifier.ts";
import { ArgumentError, ResNetError } from "../../errors.ts";
import { checkLabels, classIndex, explanation } from "../../explanation.ts";
import type { InitOptions } from "../../init.ts";
import type { ModelName } from "../../models/names.ts";
import type { ClassifierSource, OpenOptions } from "../../openClassifier.ts";
import { checkOptions } from "../../options.ts";
import { isKind } from "../../platform/kinds.ts";
import type { RawImage } from "../../vision/image.ts";
import type { Labels } from "../../vision/labels/labels.ts";
import type { Preprocessing } from "../../vision/presets.ts";
import type { ImageInput } from "../../vision/toImage.ts";
import { type Prediction, topK } from "../../vision/topk.ts";
import { Line } from "./line.ts";
import type { BackendRequest } from "./messages.ts";
import { pack } from "./pack.ts";

export interface RemoteOptions extends OpenOptions {
  /** The source of the classifier, again for every worker that is started: bytes may be handed over. */
  readonly source: () => Promise<{ source: ClassifierSource; transfer: readonly Transferable[] }>;
  readonly init: Omit<InitOptions, "backend"> & Partial<Pick<BackendRequest, "backend">>;
  readonly script: string | URL | undefined;
  readonly latestOnly: boolean;
}

/** Starts a worker, opens the classifier in it, and gives what speaks to it. */
export async function openRemote(model: ModelName, options: RemoteOptions): Promise<Classifier> {
  const { source, init, script, latestOnly, onProgress, signal } = options;
  let report = onProgress;
  const line = new Line({
    spawn: () => spawnClassifier(script),
    async describe() {
      const [described, backend] = await Promise.all([source(), backendRequest(init)]);
      const transfer = [...described.transfer];
      if (backend.own && backend.binary instanceof ArrayBuffer) transfer.push(backend.binary);
      return { request: { source: portable(described.source), backend }, transfer };
    },
    latestOnly,
    onProgress: (progress) => report?.(progress),
  });
  try {
    const { numClasses, preprocessing, backend } = await line.open(signal);
    const labels = await options.labels?.(numClasses);
    checkLabels(labels, numClasses);
    report = undefined; // a worker that is started again has nobody to report to
    return new RemoteClassifier(line, { model, labels, preprocessing, numClasses, backend });
  } catch (error) {
    line.dispose();
    throw error;
  }
}

/** As it can be sent: addresses are the same in the worker, and functions stay here. */
function portable({ weights, fetch, ...rest }: ClassifierSource): ClassifierSource {
  const own = typeof weights === "string" || isKind(weights, "URL") ? absolute(String(weights)) : weights;
  const { onProgress: _, signal: __, fetch: ___, store: ____, ...plain } = fetch ?? {};
  return { ...rest, fetch: plain, ...(own === undefined ? {} : { weights: own }) };
}

async function backendRequest(options: RemoteOptions["init"]): Promise<BackendRequest> {
  const { backend, threads = 1, relaxed = false, wasm, worker } = options;
  const common = { backend, threads, relaxed, worker: worker?.toString() };
  if (backend === "js") return { ...common, binary: undefined, own: false };
  const { name } = plan({ threads, relaxed });
  let binary: BackendRequest["binary"];
  try {
    binary = isKind(wasm, "URL", "Response") ? await bytesOf(wasm) : wasm;
  } catch (cause) {
    throw new ResNetError(`wasm: ${(cause as Error).message}`, { code: "ERR_WASM", cause });
  }
  // A binary for threads where there are none: as `init` does, the inlined one.
  const unfit = threads > 1 && !hasTeam(name) && binary !== undefined && (await isForTeam(name, binary));
  if (binary !== undefined && !unfit) return { ...common, binary, own: false };
  return { ...common, binary: await inlineBytes(await inlinedBinary(name)), own: true };
}

async function isForTeam(name: BinaryName, binary: WebAssembly.Module | BufferSource): Promise<boolean> {
  try {
    return hasTeam(binaryName(await compileBinary(name, binary), name));
  } catch {
    return false; // the worker says why
  }
}

interface Facts {
  readonly model: ModelName;
  readonly labels: Labels | undefined;
  readonly preprocessing: Preprocessing;
  readonly numClasses: number;
  readonly backend: BackendInfo;
}

/** A classifier whose network lives in a worker. */
class RemoteClassifier implements Classifier {
  readonly model: ModelName;
  readonly labels: Labels | undefined;
  readonly preprocessing: Preprocessing;
  readonly numClasses: number;
  readonly worker = true;
  readonly backend: BackendInfo;
  readonly #line: Line;

  constructor(line: Line, { model, labels, preprocessing, numClasses, backend }: Facts) {
    this.#line = line;
    this.model = model;
    this.labels = labels;
    this.preprocessing = preprocessing;
    this.numClasses = numClasses;
    this.backend = backend;
  }

  async classify(image: ImageInput, options: ClassifyOptions = {}): Promise<Prediction[]> {
    this.#needsClasses();
    const [packed, way] = await this.#pack(image, options);
    return topK(await this.#line.call("logits", { images: [packed] }, way), options.topK, this.labels);
  }

  async embed(image: ImageInput, options: PictureOptions = {}): Promise<Float32Array> {
    const [packed, way] = await this.#pack(image, options);
    return this.#line.call("embed", { image: packed }, way);
  }

  async explain(image: ImageInput, options: ExplainOptions = {}): Promise<Explanation> {
    const wanted = options?.class === undefined ? undefined : classIndex(options.class, this);
    const [packed, way] = await this.#pack(image, options);
    const request = { image: packed, class: wanted };
    const { index, map, picture } = await this.#line.call("explain", request, way);
    return explanation(picture, index, map, this.labels);
  }

  async logits(images: readonly RawImage[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    this.#needsClasses();
    signal?.throwIfAborted();
    return this.#line.call("logits", { images }, { signal, place: this.#line.place() });
  }

  dispose(): void {
    this.#line.dispose();
  }

  async #pack(image: ImageInput, options: PictureOptions) {
    checkOptions("classifier", options);
    const place = this.#line.place();
    const { image: packed, ...way } = await pack(image, options);
    return [packed, { ...way, place, signal: options.signal }] as const;
  }

  #needsClasses(): void {
    if (this.numClasses === 0) throw new ArgumentError("classify: the network has no classifier; use embed");
  }
}
