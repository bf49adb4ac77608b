import { type Pair, pair } from "../ops/check.ts";
import { adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool2d, maxPool2d } from "../ops/pool2d.ts";
import { checkOptions } from "../options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { pyPair } from "./python.ts";

/** `torch.nn.MaxPool2d`'s and `AvgPool2d`'s arguments; numbers or [height, width]. */
export interface PoolOptions {
  /** The kernel's size by default. */
  readonly stride?: Pair;
  readonly padding?: Pair;
}

/** Largest value in each window, torch.nn.MaxPool2d. Padding counts as -inf. */
export class MaxPool2d extends Module {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;

  constructor(kernelSize: Pair, options: PoolOptions & { readonly dilation?: Pair } = {}) {
    super();
    checkOptions("MaxPool2d", options, "stride padding dilation");
    this.kernelSize = kernelSize;
    this.stride = options.stride ?? kernelSize;
    this.padding = options.padding ?? 0;
    this.dilation = options.dilation ?? 1;
  }

  /** [n, c, h, w] to [n, c, oh, ow]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    const { stride, padding, dilation } = this;
    return maxPool2d(x, this.kernelSize, { stride, padding, dilation });
  }

  override extraRepr(): string {
    return (
      `kernel_size=${pyPair(this.kernelSize)}, stride=${pyPair(this.stride)}, padding=${pyPair(this.padding)}, ` +
      `dilation=${pyPair(this.dilation)}, ceil_mode=False`
    );
  }
}

/** Mean of each window, torch.nn.AvgPool2d. */
export class AvgPool2d extends Module {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  /** Whether the zeros of the padding count in the mean; true by default, as in PyTorch. */
  readonly countIncludePad: boolean;

  constructor(kernelSize: Pair, options: PoolOptions & { readonly countIncludePad?: boolean } = {}) {
    super();
    checkOptions("AvgPool2d", options, "stride padding countIncludePad");
    this.kernelSize = kernelSize;
    this.stride = options.stride ?? kernelSize;
    this.padding = options.padding ?? 0;
    this.countIncludePad = options.countIncludePad ?? true;
  }

  /** [n, c, h, w] to [n, c, oh, ow]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    const { stride, padding, countIncludePad } = this;
    return avgPool2d(x, this.kernelSize, { stride, padding, countIncludePad });
  }

  override extraRepr(): string {
    return `kernel_size=${pyPair(this.kernelSize)}, stride=${pyPair(this.stride)}, padding=${pyPair(this.padding)}`;
  }
}

/** Mean of areas, as many as `outputSize` says, torch.nn.AdaptiveAvgPool2d. */
export class AdaptiveAvgPool2d extends Module {
  readonly outputSize: Pair;

  constructor(outputSize: Pair = 1) {
    super();
    this.outputSize = outputSize;
  }

  /** [n, c, h, w] to [n, c, oh, ow]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, pair(this.outputSize));
  }

  override extraRepr(): string {
    return `output_size=${pyPair(this.outputSize)}`;
  }
}

/** Largest value of areas, torch.nn.AdaptiveMaxPool2d. */
export class AdaptiveMaxPool2d extends Module {
  readonly outputSize: Pair;

  constructor(outputSize: Pair = 1) {
    super();
    this.outputSize = outputSize;
  }

  /** [n, c, h, w] to [n, c, oh, ow]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool2d(x, pair(this.outputSize));
  }

  override extraRepr(): string {
    return `output_size=${pyPair(this.outputSize)}`;
  }
}
