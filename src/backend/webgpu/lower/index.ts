import type { OpTable } from "../../backend.ts";
import type { LowerContext } from "../context.ts";
import { batchNorm, batchNormGrad, batchNormTrain, channelSum } from "./batchNorm.ts";
import { conv2d, conv2dInputGrad, conv2dWeightGrad, linear, linearInputGrad, linearWeightGrad } from "./conv2d.ts";
import { adamW, add, lerp, mul, mulScalar, relu, reluGrad, scaleBy, sgd, sumSquares } from "./pointwise.ts";
import {
  adaptiveAvgPool2d,
  adaptiveAvgPool2dGrad,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dGrad,
  avgPool2d,
  avgPool2dGrad,
  maxPool2d,
  maxPool2dGrad,
} from "./pool2d.ts";
import { crop2d, flatten, pad2d, padShortcut, padShortcutGrad, unflatten } from "./shape.ts";
import { crossEntropy, softmax, softmaxGrad } from "./softmax.ts";

/** From an op to dispatches, for every op. */
export const lower = {
  conv2d,
  linear,
  maxPool2d,
  avgPool2d,
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  batchNorm,
  relu,
  add,
  padShortcut,
  softmax,
  pad2d,
  flatten,
  mulScalar,
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
} satisfies OpTable<LowerContext>;
