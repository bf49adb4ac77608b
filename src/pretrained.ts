import { ArgumentError } from "./errors.ts";
import { type CheckpointSource, loadCheckpoint } from "./io/checkpoint.ts";
import { type FetchOptions, fetchOptions } from "./io/fetch.ts";
import type { Checkpoint } from "./io/stateDict.ts";
import { embeddedCifarResnet20 } from "./models/embedded/cifarResnet20.ts";
import { type ModelName, modelName } from "./models/names.ts";
import type { PictureNet } from "./models/pictureNet.ts";
import { createModel } from "./models/registry.ts";
import { checkOptions } from "./options.ts";
import { findWeights, isWeightsName, type PublishedWeights } from "./weights.ts";

/** Which file of published weights, and how it is downloaded. */
export interface FetchWeightsOptions extends Omit<FetchOptions, "sha256"> {
  /** Which of the two files: the `.pth`, whose checksum is verified (the default in Node), or the safetensors (in pages). */
  readonly format?: "pth" | "safetensors";
  /** Weights that are not for commercial use are loaded only when this is true. */
  readonly allowNonCommercial?: boolean;
}

/** Downloads published weights by way of the cache and opens them. @throws DownloadError, ArgumentError */
export async function fetchWeights(weights: PublishedWeights, options: FetchWeightsOptions = {}): Promise<Checkpoint> {
  checkOptions("fetchWeights", options);
  const { format, allowNonCommercial = false, ...fetching } = options;
  if (!weights.commercial && !allowNonCommercial) {
    throw new ArgumentError(
      `${weights.model} ${weights.name}: the licence ${weights.license} forbids commercial use; ` +
        "pass { allowNonCommercial: true } if yours is none",
    );
  }
  if (format === "pth" && weights.pth === undefined) {
    throw new ArgumentError(`${weights.model} ${weights.name} is published as safetensors only`);
  }
  const url =
    (format ?? (isPage() ? "safetensors" : "pth")) === "pth"
      ? (weights.pth ?? weights.safetensors)
      : weights.safetensors;
  const { signal, ...download } = fetching;
  return loadCheckpoint(url, { download: { ...download, cache: true }, ...(signal === undefined ? {} : { signal }) });
}

/** Pages may not read files of servers that do not allow it, and the .pth's does not. */
const isPage = (): boolean => "document" in globalThis || "WorkerGlobalScope" in globalThis;

/** Options of `pretrained`. */
export interface PretrainedOptions extends FetchWeightsOptions {
  /**
   * A name such as `"IMAGENET1K_V2"` or `"DEFAULT"` (the default; for `cifar_resnet20` the weights that come with the package), or a
   * checkpoint: path, address, bytes, Blob.
   */
  readonly weights?: CheckpointSource;
  /** A new classifier for so many classes, randomly initialised; 0 for pooled features. The checkpoint's by default. */
  readonly numClasses?: number;
  /** Channels of the pictures; RGB stems are adapted (see ResNetOptions). */
  readonly inChannels?: number;
}

/**
 * A network with published (or your own) weights, in evaluation mode.
 * @example const net = await pretrained("resnet50", { weights: "IMAGENET1K_V2", numClasses: 10 });
 * @throws UnknownNameError, ArgumentError (no weights are published, or none for commercial use), DownloadError, FileFormatError, StateDictError
 */
export async function pretrained<Name extends ModelName>(
  name: Name,
  options?: PretrainedOptions,
): Promise<ReturnType<typeof createModel<Name>>>;
export async function pretrained(name: string, options?: PretrainedOptions): Promise<PictureNet>;
export async function pretrained(name: string, options: PretrainedOptions = {}): Promise<PictureNet> {
  checkOptions("pretrained", options, `weights numClasses inChannels format allowNonCommercial ${fetchOptions}`);
  const { weights = "DEFAULT", numClasses, inChannels, ...fetching } = options;
  const model = modelName(name);
  const { format: _, allowNonCommercial: __, signal, ...download } = fetching;
  const checkpoint = isWeightsName(weights)
    ? weights === "DEFAULT" && model === "cifar_resnet20"
      ? await loadCheckpoint(await embeddedCifarResnet20(), { name: "the embedded weights" })
      : await fetchWeights(findWeights(model, weights), fetching)
    : await loadCheckpoint(weights, { download, ...(signal === undefined ? {} : { signal }) });
  const classes = (checkpoint.get("fc.weight") ?? checkpoint.get("linear.weight"))?.shape[0];
  const keras = model.startsWith("keras");
  const net = createModel(model as string, {
    init: "empty",
    ...(inChannels === undefined ? {} : { inChannels }),
    ...(classes === undefined ? {} : keras ? { classes } : { numClasses: classes }),
  });
  try {
    net.loadStateDict(checkpoint);
    if (numClasses !== undefined && numClasses !== net.numClasses) net.resetClassifier(numClasses);
    return net.eval() as PictureNet;
  } catch (error) {
    net.dispose();
    throw error;
  }
}
