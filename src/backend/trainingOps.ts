import type { Conv2dAttrs, PadShortcutAttrs, Window } from "./attrs.ts";

export interface BatchNormTrainAttrs {
  readonly eps: number;
  /** Share of the new batch in the running statistics (PyTorch's meaning). */
  readonly momentum: number;
  readonly relu?: boolean;
  /** Whether something is added before the ReLU. */
  readonly residual?: boolean;
}

export interface SgdAttrs {
  readonly lr: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  /** The first step: the velocity starts as the gradient (PyTorch). */
  readonly first: boolean;
}

export interface AdamWAttrs {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** 1 - beta^step, computed in f64 by the caller. */
  readonly correction1: number;
  readonly correction2: number;
}

/**
 * The ops that only training needs: gradients, losses, optimiser steps. Inputs and outputs:
 *
 * | op | inputs | outputs |
 * |---|---|---|
 * | conv2dInputGrad | dy weight known? (a gradient that is added) | dx |
 * | conv2dWeightGrad | x dy | dw |
 * | linearInputGrad | dy[n,m] weight[m,k] | dx[n,k] |
 * | linearWeightGrad | x[n,k] dy[n,m] | dw[m,k] |
 * | channelSum | dy (4-D or 2-D) | db[c] |
 * | batchNormTrain | x weight?[c] bias?[c] runningMean?[c] runningVariance?[c] (both updated in place) residual? | y mean[c] invstd[c] |
 * | batchNormGrad | x dy mean[c] invstd[c] weight?[c] bias?[c] y? (the ReLU's mask, where something was added before it) | dx dweight[c] dbias[c] dz? (with y: dy behind the ReLU) |
 * | reluGrad | y dy | dx (dy where y > 0) |
 * | maxPool2dGrad | x dy | dx (to the first largest pixel of each window) |
 * | avgPool2dGrad | dy | dx |
 * | adaptiveAvgPool2dGrad | dy | dx |
 * | adaptiveMaxPool2dGrad | x dy | dx |
 * | padShortcutGrad | dy | dx |
 * | crop2d | dy | dx (the inverse of pad2d) |
 * | unflatten | dy[n,c*h*w] | dx[n,c,h,w] |
 * | softmaxGrad | y dy | dx |
 * | crossEntropy | logits[n,k] target[n] (class numbers) or [n,k] (probabilities) | loss[1] (mean), dlogits[n,k] |
 * | scaleBy | x factor[1] | y = x * factor |
 * | mul | a b (same shape, or b[n]: one factor per picture) | y |
 * | sumSquares | x | s[1] |
 * | sgd | grad | parameter velocity (both in place) |
 * | adamW | grad | parameter m v (in place) |
 * | lerp | x | y += (x - y) * weight |
 */
export interface TrainingOpAttrs {
  conv2dInputGrad: Conv2dAttrs;
  conv2dWeightGrad: Conv2dAttrs;
  linearInputGrad: Record<never, never>;
  linearWeightGrad: Record<never, never>;
  channelSum: Record<never, never>;
  batchNormTrain: BatchNormTrainAttrs;
  /** `invstd` is the variance when `frozen`: statistics are constants then, as in evaluation. */
  batchNormGrad: { readonly eps: number; readonly relu?: boolean; readonly frozen?: boolean };
  reluGrad: Record<never, never>;
  maxPool2dGrad: Window;
  avgPool2dGrad: Window & { readonly countIncludePad: boolean };
  adaptiveAvgPool2dGrad: Record<never, never>;
  adaptiveMaxPool2dGrad: Record<never, never>;
  padShortcutGrad: PadShortcutAttrs;
  crop2d: { readonly top: number; readonly left: number };
  unflatten: Record<never, never>;
  softmaxGrad: { readonly log: boolean };
  crossEntropy: { readonly labelSmoothing: number };
  scaleBy: Record<never, never>;
  mul: Record<never, never>;
  sumSquares: Record<never, never>;
  sgd: SgdAttrs;
  adamW: AdamWAttrs;
  lerp: { readonly weight: number };
}
