import { ResNetError } from "../errors.ts";
import { modelName } from "../models/names.ts";
import type { FetchWeightsOptions } from "../pretrained.ts";
import { isWeightsName } from "../weights.ts";
import type { EngineSpec } from "./engine.ts";
import { FleetError, messageOf } from "./errors.ts";
import type { Job } from "./job.ts";
import { hashModel, openWeights, shortHash } from "./model.ts";

/** Where a job's weights are on this machine, or how they are fetched. */
export interface CheckModelOptions {
  /** A copy of the job's weights. */
  readonly weights?: string;
  readonly fetch?: Pick<FetchWeightsOptions, "offline" | "allowNonCommercial">;
}

/**
 * What engines need for a job, after its weights were found on this machine and are the job's.
 * @throws FleetError `ERR_MISSING_MODEL`, `ERR_OTHER_MODEL`
 */
export async function checkModel(job: Job, options: CheckModelOptions): Promise<EngineSpec> {
  const weights = options.weights ?? job.weights;
  const reference = { model: modelName(job.model), weights };
  const which = `job ${JSON.stringify(job.name)} needs ${job.model} with the weights ${job.weights} (hash ${shortHash(job.hash)}…)`;
  let hash: string;
  try {
    hash = hashModel(reference.model, job.preprocessing, await openWeights(reference, options.fetch));
  } catch (cause) {
    if (!(cause instanceof ResNetError)) throw cause;
    throw new FleetError(`${which}, which this worker does not have: ${messageOf(cause)}; ${advice(job.weights)}`, {
      code: "ERR_MISSING_MODEL",
      cause,
    });
  }
  if (hash !== job.hash) {
    throw new FleetError(
      `${which}, but ${weights} has the hash ${shortHash(hash)}…: two kinds of weights in one job are refused; ` +
        "give this worker the same file with --weights FILE",
      { code: "ERR_OTHER_MODEL" },
    );
  }
  const { what, top, labels, preprocessing } = job;
  const spec = { ...reference, what, top, labels, preprocessing, hash };
  return options.fetch === undefined ? spec : { ...spec, fetch: options.fetch };
}

function advice(weights: string): string {
  if (isWeightsName(weights)) {
    return "let it reach the network once, or give it a copy with --weights FILE";
  }
  return "copy the file to that path, or give its place here with --weights FILE";
}
