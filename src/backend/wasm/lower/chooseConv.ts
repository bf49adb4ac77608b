import type { Conv2dAttrs } from "../../backend.ts";

/** Every way of computing a convolution; any of them gives the right values wherever `possible` says so. */
export type ConvAlgorithm = "gemm" | "winograd4";

export interface ConvShape {
  readonly c: number;
  readonly oc: number;
  readonly oh: number;
  readonly ow: number;
}

/** Below this many channels the transforms cost more than the multiplications they save (an estimate: not yet measured row by row). */
const winogradChannels = 16;

/** Output pixels below which most of a 4x4 tile would be thrown away. */
const winogradPixels = 16;

function isWinograd({ kernelH, kernelW, strideH, strideW, dilationH, dilationW, groups }: Conv2dAttrs): boolean {
  return (
    [kernelH, kernelW].every((k) => k === 3) && [strideH, strideW, dilationH, dilationW, groups].every((v) => v === 1)
  );
}

/**
 * Which algorithm computes a convolution: the only place that decides. The batch size has no say, so that networks compiled
 * for several batch sizes share their packed weights.
 * @param memory `"low"` rules out packed weights that are larger than the weights
 * @param compiled whether weights are packed once and used often
 */
export function chooseConv(
  attrs: Conv2dAttrs,
  shape: ConvShape,
  { memory, compiled }: { memory: "default" | "low"; compiled: boolean },
): ConvAlgorithm {
  const { c, oc, oh, ow } = shape;
  // An op that runs alone would transform its filters each time, and training wants the error of a plain sum.
  if (!compiled || memory === "low" || !isWinograd(attrs)) return "gemm";
  if (Math.min(c, oc) < winogradChannels || oh * ow < winogradPixels) return "gemm";
  return "winograd4";
}
