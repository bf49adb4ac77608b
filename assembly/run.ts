// The command loop: a command is three words (kernel, record address, tiles). One call runs one op or a whole network.

import { channelSums, normApply, normCoefficients, normCombine, normStats } from "./batchNorm";
import { normGradApply, normGradCombine, normGradSums } from "./batchNormGrad";
import { dilate, flip, phaseWeights, spread, weightGrad } from "./conv2dGrad";
import { gemm, pack } from "./gemm";
import {
  KERNEL_ADAM_W, KERNEL_ADAPTIVE_POOL, KERNEL_AVG_POOL, KERNEL_CHANNEL_SUMS, KERNEL_CROP, KERNEL_CROSS_ENTROPY,
  KERNEL_DILATE, KERNEL_FLIP, KERNEL_GEMM, KERNEL_LERP, KERNEL_MAX_POOL, KERNEL_MUL, KERNEL_NORM_COEFFICIENTS,
  KERNEL_NORM_COMBINE, KERNEL_NORM_FOLD, KERNEL_NORM_GRAD_APPLY, KERNEL_NORM_GRAD_COMBINE, KERNEL_NORM_GRAD_SUMS,
  KERNEL_NORM_STATS, KERNEL_PACK, KERNEL_PAD, KERNEL_PAD_SHORTCUT, KERNEL_PAD_SHORTCUT_GRAD, KERNEL_POINTWISE,
  KERNEL_POOL_GRAD, KERNEL_REDUCE, KERNEL_RELU_GRAD, KERNEL_SCALE_SHIFT, KERNEL_SGD, KERNEL_SOFTMAX,
  KERNEL_SOFTMAX_GRAD, KERNEL_TRANSPOSE, KERNEL_WEIGHT_GRAD,
  KERNEL_NORM_APPLY, KERNEL_NOT_FINITE, KERNEL_PHASE_WEIGHTS, KERNEL_SPREAD, KERNEL_WINOGRAD, KERNEL_WINOGRAD_GRAD, KERNEL_WINOGRAD_GRAD_SUM, KERNEL_WINOGRAD_INPUT, KERNEL_WINOGRAD_PACK,
  KERNEL_PACKED_GEMM, KERNEL_PACKED_GEMM_INPUT, KERNEL_STRASSEN, KERNEL_STRASSEN_INPUT, KERNEL_STRASSEN_PACK,
} from "./generated/records";
import { crop, mul, padShortcutGrad, poolGrad, reduce, reluGrad } from "./grad";
import { notFinite, pad, padShortcut, transpose } from "./layout";
import { normFold, pointwise, scaleShift } from "./pointwise";
import { packedGemm, packedGemmInput } from "./packedGemm";
import { adaptivePool, avgPool, maxPool } from "./pool2d";
import { softmax } from "./softmax";
import { strassen, strassenInput, strassenPack } from "./strassen";
import { winograd, winogradInput } from "./winograd";
import { winogradGrad, winogradGradSum } from "./winogradGrad";
import { winogradPack } from "./winogradPack";
import { adamW, crossEntropy, lerp, sgd, softmaxGrad } from "./train";

// @ts-expect-error: decorator
@inline
export const COMMAND_BYTES: usize = 12;

/**
 * All kernels share the signature kernel(record, tile); tiles of one command are independent of each other. Kernels that need
 * scratch memory of their own get the index of the worker as well, and their results never depend on it.
 */
export function tileOf(kernel: i32, record: usize, tile: i32, worker: i32): void {
  switch (kernel) {
    case KERNEL_GEMM: gemm(record, tile); break;
    case KERNEL_PACK: pack(record, tile); break;
    case KERNEL_PAD: pad(record, tile); break;
    case KERNEL_MAX_POOL: maxPool(record, tile); break;
    case KERNEL_AVG_POOL: avgPool(record, tile); break;
    case KERNEL_ADAPTIVE_POOL: adaptivePool(record, tile); break;
    case KERNEL_NORM_FOLD: normFold(record, tile); break;
    case KERNEL_SCALE_SHIFT: scaleShift(record, tile); break;
    case KERNEL_POINTWISE: pointwise(record, tile); break;
    case KERNEL_PAD_SHORTCUT: padShortcut(record, tile); break;
    case KERNEL_SOFTMAX: softmax(record, tile); break;
    case KERNEL_TRANSPOSE: transpose(record, tile); break;
    case KERNEL_WEIGHT_GRAD: weightGrad(record, tile, worker); break;
    case KERNEL_REDUCE: reduce(record, tile); break;
    case KERNEL_FLIP: flip(record, tile); break;
    case KERNEL_DILATE: dilate(record, tile); break;
    case KERNEL_CHANNEL_SUMS: channelSums(record, tile); break;
    case KERNEL_NORM_STATS: normStats(record, tile); break;
    case KERNEL_NORM_COMBINE: normCombine(record, tile); break;
    case KERNEL_NORM_GRAD_SUMS: normGradSums(record, tile); break;
    case KERNEL_NORM_COEFFICIENTS: normCoefficients(record, tile); break;
    case KERNEL_NORM_GRAD_COMBINE: normGradCombine(record, tile); break;
    case KERNEL_NORM_GRAD_APPLY: normGradApply(record, tile); break;
    case KERNEL_RELU_GRAD: reluGrad(record, tile); break;
    case KERNEL_POOL_GRAD: poolGrad(record, tile); break;
    case KERNEL_PAD_SHORTCUT_GRAD: padShortcutGrad(record, tile); break;
    case KERNEL_CROP: crop(record, tile); break;
    case KERNEL_SOFTMAX_GRAD: softmaxGrad(record, tile); break;
    case KERNEL_CROSS_ENTROPY: crossEntropy(record, tile); break;
    case KERNEL_MUL: mul(record, tile); break;
    case KERNEL_SGD: sgd(record, tile); break;
    case KERNEL_ADAM_W: adamW(record, tile); break;
    case KERNEL_LERP: lerp(record, tile); break;
    case KERNEL_WINOGRAD_PACK: winogradPack(record, tile, worker); break;
    case KERNEL_PACKED_GEMM: packedGemm(record, tile, worker); break;
    case KERNEL_PACKED_GEMM_INPUT: packedGemmInput(record, tile); break;
    case KERNEL_STRASSEN: strassen(record, tile, worker); break;
    case KERNEL_STRASSEN_INPUT: strassenInput(record, tile, worker); break;
    case KERNEL_STRASSEN_PACK: strassenPack(record, tile); break;
    case KERNEL_WINOGRAD_INPUT: winogradInput(record, tile, worker); break;
    case KERNEL_WINOGRAD: winograd(record, tile, worker); break;
    case KERNEL_WINOGRAD_GRAD: winogradGrad(record, tile, worker); break;
    case KERNEL_WINOGRAD_GRAD_SUM: winogradGradSum(record, tile, worker); break;
    case KERNEL_PHASE_WEIGHTS: phaseWeights(record, tile); break;
    case KERNEL_SPREAD: spread(record, tile); break;
    case KERNEL_NORM_APPLY: normApply(record, tile); break;
    case KERNEL_NOT_FINITE: notFinite(record, tile); break;
    default: unreachable();
  }
}

/** Runs `count` commands one after the other on the calling thread. */
export function run(commands: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const kernel = load<i32>(commands), record = load<usize>(commands, 4), tiles = load<i32>(commands, 8);
    for (let tile = 0; tile < tiles; tile++) tileOf(kernel, record, tile, 0);
    commands += COMMAND_BYTES;
  }
}
