import { ArgumentError } from "../errors.ts";
import { type Pair, pair } from "../ops/check.ts";
import { conv2d } from "../ops/conv2d.ts";
import { checkOptions, checkWhole } from "../options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convDefaults } from "./defaults.ts";
import { Module } from "./module.ts";
import type { Parameter } from "./parameter.ts";
import { pyTuple } from "./python.ts";

/** `torch.nn.Conv2d`'s arguments; numbers or [height, width]. */
export interface Conv2dLayerOptions {
  /** 1 by default. */
  readonly stride?: Pair;
  /** Zeros on each side; 0 by default. */
  readonly padding?: Pair;
  readonly dilation?: Pair;
  /** Both channel counts must divide by it; 1 by default. */
  readonly groups?: number;
  /** true by default, as in PyTorch. */
  readonly bias?: boolean;
}

const known = "stride padding dilation groups bias";

/** 2-D convolution (cross-correlation), torch.nn.Conv2d. [n, c, h, w] -> [n, oc, oh, ow]. */
export class Conv2d extends Module {
  /** [outChannels, inChannels / groups, kh, kw] */
  weight: Parameter;
  bias: Parameter | null;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;

  /** @throws ArgumentError on channel counts or groups that do not fit */
  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dLayerOptions = {}) {
    super();
    checkOptions("Conv2d", options, known);
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = pair(kernelSize);
    this.stride = pair(stride);
    this.padding = pair(padding);
    this.dilation = pair(dilation);
    this.groups = groups;
    checkSizes(this);
    const made = convDefaults([outChannels, inChannels / groups, ...this.kernelSize], bias);
    this.weight = made.weight;
    this.bias = made.bias;
  }

  /** [n, in, h, w] to [n, out, oh, ow]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this;
    return conv2d(x, this.weight, this.bias, { stride, padding, dilation, groups });
  }

  override extraRepr(): string {
    const parts = [
      this.inChannels,
      this.outChannels,
      `kernel_size=${pyTuple(this.kernelSize)}`,
      `stride=${pyTuple(this.stride)}`,
    ];
    if (this.padding.some((p) => p !== 0)) parts.push(`padding=${pyTuple(this.padding)}`);
    if (this.dilation.some((d) => d !== 1)) parts.push(`dilation=${pyTuple(this.dilation)}`);
    if (this.groups !== 1) parts.push(`groups=${this.groups}`);
    if (this.bias === null) parts.push("bias=False");
    return parts.join(", ");
  }
}

function checkSizes({ inChannels, outChannels, groups, kernelSize, stride, padding, dilation }: Conv2d): void {
  checkWhole("Conv2d", { inChannels, outChannels, groups, kernelSize, stride, dilation });
  checkWhole("Conv2d", { padding }, 0);
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new ArgumentError(
      `Conv2d: ${inChannels} input and ${outChannels} output channels must both divide into ${groups} groups`,
    );
  }
}
