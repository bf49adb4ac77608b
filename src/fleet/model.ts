import { createHash } from "node:crypto";
import { ArgumentError } from "../errors.ts";
import { loadCheckpoint } from "../io/checkpoint.ts";
import type { Checkpoint } from "../io/stateDict.ts";
import { embeddedCifarResnet20 } from "../models/embedded/cifarResnet20.ts";
import { type ModelName, modelName } from "../models/names.ts";
import { type FetchWeightsOptions, fetchWeights } from "../pretrained.ts";
import { usualPreprocessing } from "../usual.ts";
import type { Preprocessing } from "../vision/presets.ts";
import { findWeights, isWeightsName, weightsOf } from "../weights.ts";

/** A network by its name and where its weights are: what travels to workers. */
export interface ModelReference {
  readonly model: ModelName;
  /** `"embedded"`, the name of published weights, a path, or an address. */
  readonly weights: string;
}

/** The weights that are meant: `"DEFAULT"` by its own name, none as `createClassifier` understands it. @throws UnknownNameError, ArgumentError */
export function resolveModel(name: string, weights: string | undefined): ModelReference {
  const model = modelName(name);
  if (isWeightsName(weights)) return { model, weights: findWeights(model, weights).name };
  if (weights !== undefined) return { model, weights };
  if (weightsOf(model).length > 0) return { model, weights: findWeights(model, "DEFAULT").name };
  if (model === "cifar_resnet20") return { model, weights: "embedded" };
  throw new ArgumentError(`${model} needs weights (a file or an address): none are published for it`);
}

/** Opens the weights; published ones by way of the cache. */
export async function openWeights(
  { model, weights }: ModelReference,
  options: FetchWeightsOptions = {},
): Promise<Checkpoint> {
  if (weights === "embedded") return loadCheckpoint(await embeddedCifarResnet20(), { name: `embedded ${model}` });
  return isWeightsName(weights) ? fetchWeights(findWeights(model, weights), options) : loadCheckpoint(weights);
}

/** From picture to input as these weights were trained; a network of one channel takes grey pictures. */
export function preprocessingOf({ model, weights }: ModelReference, checkpoint?: Checkpoint): Preprocessing {
  if (isWeightsName(weights)) return findWeights(model, weights).preprocessing;
  return usualPreprocessing(model, checkpoint?.get("conv1.weight")?.shape[1]);
}

/**
 * SHA-256 of everything that a result depends on besides the picture: architecture, preprocessing, mode, and each tensor's name,
 * shape and values as f32. The same weights in another file format have the same hash.
 */
export function hashModel(model: ModelName, preprocessing: Preprocessing, checkpoint: Checkpoint): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify({ format: 1, model, mode: "strict", preprocessing }));
  for (const [name, tensor] of [...checkpoint].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (name.endsWith("num_batches_tracked")) continue; // counts training steps; some files leave it out
    hash.update(`\n${name} ${tensor.shape.join()} `).update(tensor.read());
  }
  return hash.digest("hex");
}

/** As much of a hash as tells two of them apart in paths, lines and messages. */
export const shortHash = (hash: string): string => hash.slice(0, 16);
