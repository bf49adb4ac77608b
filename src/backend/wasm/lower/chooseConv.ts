import type { Conv2dAttrs } from "../../backend.ts";

/** Every way of computing a convolution; any of them gives the right values wherever `possible` says so. */
export type ConvAlgorithm = "gemm" | "packed" | "strassen" | "winograd3" | "winograd4" | "winograd5";

export interface ConvShape {
  readonly c: number;
  readonly oc: number;
  readonly oh: number;
  readonly ow: number;
}

/** Channels go through the transforms in fours. Below this many the transforms cost more than the multiplications they save (an estimate: not yet measured row by row). */
const winogradChannels = 16;

/** Output pixels below which most of a 4x4 tile would be thrown away. */
const winogradPixels = 16;

/**
 * Op by op the forward pass takes Winograd for pictures and channels as small as CIFAR's only. Its sums round about twice as
 * coarsely as plain ones, and a hundred batch norms in training multiply that: with it everywhere the article's ResNet-101 ends
 * 2.2e-4 from PyTorch's 64 bits in training mode, without it 0.95e-4 (`npm test -- models-article`).
 */
const eagerChannels = 64;
const eagerPixels = 1024;

function isWinograd({ kernelH, kernelW, strideH, strideW, dilationH, dilationW, groups }: Conv2dAttrs): boolean {
  return (
    [kernelH, kernelW].every((k) => k === 3) && [strideH, strideW, dilationH, dilationW, groups].every((v) => v === 1)
  );
}

/** Channels, and output pixels, from which on Strassen's step spares more than its sums cost (bench/lab/README.md, Strassen's step). */
const strassenChannels = 128;
const strassenOutputs = 64;
const strassenPixels = 49;

function isStrassen(attrs: Conv2dAttrs, { c, oc, oh, ow }: ConvShape): boolean {
  const { kernelH, kernelW, padH, padW, groups } = attrs;
  if (kernelH * kernelW * groups !== 1 || padH + padW > 0 || c % 8 !== 0 || oc % 16 !== 0) return false;
  return c >= strassenChannels && oc >= strassenOutputs && oh * ow >= strassenPixels;
}

/**
 * Whether rows of A are worth packing for a product: small pictures of many channels. Sums end with the bias there and begin with it elsewhere, another reason why the
 * batch has no say: a picture's bits must not depend on its company.
 */
function hasFewRows({ kernelH, kernelW, dilationW, groups }: Conv2dAttrs, { c, oc, oh, ow }: ConvShape): boolean {
  const runLength = dilationW === 1 ? kernelW * c : c;
  return (
    groups === 1 &&
    runLength % 4 === 0 &&
    oc % 8 === 0 &&
    oh * ow >= 16 &&
    oh * ow <= 64 &&
    kernelH * kernelW * c >= 256
  );
}

/** Weights transformed for stride 2 are 9 times larger; above this they would come from memory each time. */
const stridedBytes = 24e6;

/** Stride 2 by phases: the first layer of ResNets on photographs (7x7, three channels), and 3x3 where tiles of 4x4 spare a fifth or more. */
function stridedWinograd(attrs: Conv2dAttrs, { c, oc, oh, ow }: ConvShape): ConvAlgorithm | undefined {
  const { kernelH, kernelW, strideH, strideW, dilationH, dilationW, groups } = attrs;
  if (strideH !== 2 || strideW !== 2 || kernelH !== kernelW || dilationH * dilationW * groups !== 1) return;
  if (Math.min(oh, ow) < 4 || oc < winogradChannels || oc % 8 !== 0) return;
  if (kernelH === 7) return c === 3 ? "winograd3" : undefined;
  if (kernelH !== 3 || c % 4 !== 0 || c < winogradChannels || 4 * 81 * c * oc > stridedBytes) return;
  return Math.ceil(oh / 4) * Math.ceil(ow / 4) * 81 <= 0.8 * oh * ow * 9 ? "winograd5" : undefined;
}

/**
 * Which algorithm computes a convolution: the only place that decides. The batch size has no say, so that networks compiled
 * for several batch sizes share their packed weights.
 * @param memory `"low"` rules out packed weights that are larger than the weights
 * @param use a compiled network, which packs weights once; an op by itself; or one that takes a gradient back to its input
 */
export function chooseConv(
  attrs: Conv2dAttrs,
  shape: ConvShape,
  { memory, use }: { memory: "default" | "low"; use: "compiled" | "eager" | "gradient" },
): ConvAlgorithm {
  const { c, oc, oh, ow } = shape;
  const product = use === "compiled" && hasFewRows(attrs, shape) ? "packed" : "gemm";
  if (memory === "low") return product;
  if (use === "compiled" && isStrassen(attrs, shape)) return "strassen";
  if (!isWinograd(attrs)) return (use === "compiled" && stridedWinograd(attrs, shape)) || product;
  if (c % 4 !== 0 || Math.min(c, oc) < winogradChannels || oh * ow < winogradPixels) return product;
  if (use === "eager" && (Math.max(c, oc) > eagerChannels || oh * ow > eagerPixels)) return "gemm";
  return "winograd4";
}
