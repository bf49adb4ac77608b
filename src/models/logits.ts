import type { Init } from "./initialise.ts";
import { families, type ModelName } from "./names.ts";
import type { PictureNet } from "./pictureNet.ts";
import { createModel } from "./registry.ts";

/** What every family's networks can be asked for, by torchvision's names. */
export interface LogitsOptions {
  readonly numClasses?: number | undefined;
  readonly inChannels?: number | undefined;
  readonly init?: Init;
}

/** A network of any family that gives logits: what training and classifiers want. Keras's own give probabilities, and call classes otherwise. */
export function createForLogits(model: ModelName, { numClasses, inChannels, init }: LogitsOptions): PictureNet {
  const keras = families[model] === "keras";
  return createModel(model as string, {
    ...(init === undefined ? {} : { init }),
    ...(inChannels === undefined ? {} : { inChannels }),
    ...(numClasses === undefined ? {} : { [keras ? "classes" : "numClasses"]: numClasses }),
    ...(keras ? { classifierActivation: null } : {}),
  });
}
