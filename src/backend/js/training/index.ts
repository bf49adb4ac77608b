import type { OpTable } from "../../backend.ts";
import type { TrainingOpAttrs } from "../../trainingOps.ts";
import { batchNormGrad, batchNormTrain } from "./batchNorm.ts";
import { channelSum, conv2dInputGrad, conv2dWeightGrad, linearInputGrad, linearWeightGrad } from "./conv2d.ts";
import { adamW, lerp, sgd } from "./optim.ts";
import { crossEntropy, mul, reluGrad, scaleBy, softmaxGrad, sumSquares } from "./pointwise.ts";
import { adaptiveAvgPool2dGrad, adaptiveMaxPool2dGrad, avgPool2dGrad, maxPool2dGrad } from "./pool2d.ts";
import { crop2d, padShortcutGrad, unflatten } from "./shape.ts";

/** The ops of training in plain TypeScript, sums in 64 bits. */
export const training = {
  conv2dInputGrad,
  conv2dWeightGrad,
  linearInputGrad,
  linearWeightGrad,
  channelSum,
  batchNormTrain,
  batchNormGrad,
  reluGrad,
  maxPool2dGrad,
  avgPool2dGrad,
  adaptiveAvgPool2dGrad,
  adaptiveMaxPool2dGrad,
  padShortcutGrad,
  crop2d,
  unflatten,
  softmaxGrad,
  crossEntropy,
  scaleBy,
  mul,
  sumSquares,
  sgd,
  adamW,
  lerp,
} satisfies Pick<OpTable<undefined>, keyof TrainingOpAttrs>;
