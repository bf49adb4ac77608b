import type { Precision } from "../../backend.ts";
import { batchNormCode, batchNormGradCode, channelSumsCode, splitSumsCode, statisticsCode } from "./batchNorm.wgsl.ts";
import { conv2dCode } from "./conv2d.wgsl.ts";
import { conv2dSharedCode } from "./conv2dShared.wgsl.ts";
import { narrowCode, packCode, padCode, widenCode } from "./pack.wgsl.ts";
import { adamWCode, pointwiseCode, sgdCode } from "./pointwise.wgsl.ts";
import { poolCode, poolGradCode } from "./pool2d.wgsl.ts";
import { squaresCode, sumSlicesCode } from "./reduce.wgsl.ts";
import { remapCode, transposeCode } from "./shape.wgsl.ts";
import { crossEntropyCode, softmaxCode, softmaxGradCode } from "./softmax.wgsl.ts";
import { weightGradCode } from "./weightGrad.wgsl.ts";
import { winogradFilterCode, winogradInputCode, winogradOutputCode } from "./winograd.wgsl.ts";

const codes = {
  conv2d: conv2dCode,
  conv2dShared: conv2dSharedCode,
  winogradInput: winogradInputCode,
  winogradFilter: winogradFilterCode,
  winogradOutput: winogradOutputCode,
  pack: packCode,
  pad: padCode,
  narrow: narrowCode,
  widen: widenCode,
  weightGrad: weightGradCode,
  pool: poolCode,
  poolGrad: poolGradCode,
  batchNorm: batchNormCode,
  channelSums: channelSumsCode,
  statistics: statisticsCode,
  batchNormGrad: batchNormGradCode,
  splitSums: splitSumsCode,
  sumSlices: sumSlicesCode,
  squares: squaresCode,
  pointwise: pointwiseCode,
  sgd: sgdCode,
  adamW: adamWCode,
  remap: remapCode,
  transpose: transposeCode,
  softmax: softmaxCode,
  softmaxGrad: softmaxGradCode,
  crossEntropy: crossEntropyCode,
} as const;

export type KernelName = keyof typeof codes;

/**
 * In which numbers a compiled network keeps values and adds up products. `"f16"` keeps 16 bits and adds in 32; `"f16-sums"` multiplies
 * and adds in 16 bits as well. Texts say `stored` for what a kernel of an f16 network keeps, and `sum4` for what it adds up in.
 */
export type Numbers = Precision;

export const heads: { readonly [N in Numbers]: string } = {
  f32: "alias stored = f32; alias stored4 = vec4f; alias sum4 = vec4f;",
  f16: "enable f16; alias stored = f16; alias stored4 = vec4h; alias sum4 = vec4f;",
  "f16-sums": "enable f16; alias stored = f16; alias stored4 = vec4h; alias sum4 = vec4h;",
};

/** What the host needs to know of a kernel; read out of its text, so that it is said once. */
export interface Kernel {
  readonly name: KernelName;
  readonly code: string;
  /** Fields of `struct Params` in order; each takes 4 bytes. */
  readonly params: readonly { readonly name: string; readonly float: boolean }[];
  /** For each storage buffer, from binding 1: whether an f16 network keeps it in 16 bits. */
  readonly buffers: readonly boolean[];
  readonly workgroup: readonly [x: number, y: number];
}

function parse(name: KernelName, code: string): Kernel {
  const body = /struct Params \{([^}]*)\}/.exec(code)![1]!;
  const params = [...body.matchAll(/(\w+): ([if])32/g)].map(([, field, type]) => ({
    name: field!,
    float: type === "f",
  }));
  const [, x, y] = /@workgroup_size\((\d+)(?:, (\d+))?\)/.exec(code)!;
  const buffers = [...code.matchAll(/var<storage.*array<(\w+)/g)].map(([, type]) => type!.startsWith("stored"));
  return { name, code, params, buffers, workgroup: [Number(x), Number(y ?? 1)] };
}

export const kernels = Object.fromEntries(
  Object.entries(codes).map(([name, code]) => [name, parse(name as KernelName, code)]),
) as { readonly [K in KernelName]: Kernel };
