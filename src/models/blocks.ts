import { BatchNorm2d } from "../nn/batchNorm2d.ts";
import { Conv2d } from "../nn/conv2d.ts";
import { Module } from "../nn/module.ts";
import { normActivate, ReLU } from "../nn/relu.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Makes the normalisation after a convolution; batch norm unless somebody says otherwise. */
export type NormLayer = (channels: number) => Module;

/** What a block needs beside its channels; torchvision's arguments. */
export interface BlockOptions {
  readonly stride?: number;
  /** Brings the input to the output's shape, where they differ. */
  readonly downsample?: Module | null;
  readonly groups?: number;
  /** Channels of a group at 64 planes. */
  readonly baseWidth?: number;
  readonly dilation?: number;
  readonly normLayer?: NormLayer;
  /** Which convolution of a bottleneck has the stride: the 3x3 (torchvision, "v1.5") or the first 1x1 (the paper). */
  readonly strideOn?: "3x3" | "1x1";
}

/** What a ResNet is built of: a class of modules with an `expansion`, output channels for each plane. */
export interface Block {
  readonly expansion: number;
  /** Whether a shortcut carries the input around the block; the paper's plain networks have none. */
  readonly shortcut?: boolean;
  /** Whether groups, width and dilation other than the basic ones can be built. */
  readonly variable: boolean;
  new (inPlanes: number, planes: number, options: BlockOptions): Module & { readonly lastNorm: Module };
}

export const batchNorm: NormLayer = (channels) => new BatchNorm2d(channels);

export function conv3x3(inPlanes: number, planes: number, stride = 1, groups = 1, dilation = 1): Conv2d {
  return new Conv2d(inPlanes, planes, 3, { stride, padding: dilation, groups, bias: false, dilation });
}

export function conv1x1(inPlanes: number, planes: number, stride = 1): Conv2d {
  return new Conv2d(inPlanes, planes, 1, { stride, bias: false });
}

/**
 * The two-layer block of ResNet-18 and 34 (He et al. 2015, figure 2): y = relu(x + bn(conv3x3(relu(bn(conv3x3(x)))))).
 * [n, inPlanes, h, w] -> [n, planes, h / stride, w / stride].
 */
export class BasicBlock extends Module {
  static readonly expansion: number = 1;
  static readonly variable: boolean = false;
  conv1: Conv2d;
  bn1: Module;
  relu: Module;
  conv2: Conv2d;
  bn2: Module;
  downsample: Module | null;

  constructor(inPlanes: number, planes: number, options: BlockOptions = {}) {
    super();
    const { stride = 1, downsample = null, normLayer = batchNorm } = options;
    this.conv1 = conv3x3(inPlanes, planes, stride);
    this.bn1 = normLayer(planes);
    this.relu = new ReLU({ inplace: true });
    this.conv2 = conv3x3(planes, planes);
    this.bn2 = normLayer(planes);
    this.downsample = downsample;
  }

  get lastNorm(): Module {
    return this.bn2;
  }

  /** [n, inPlanes, h, w] to [n, planes · expansion, h / stride, w / stride]: relu(branch(x) + shortcut(x)). @throws ShapeError */
  forward(x: Tensor): Tensor {
    return tidy(() => {
      let out = normActivate(this.relu, this.bn1, this.conv1.forward(x));
      out = this.conv2.forward(out);
      const identity = this.downsample?.forward(x) ?? x;
      return normActivate(this.relu, this.bn2, out, identity);
    });
  }
}

/**
 * The three-layer block of ResNet-50, 101 and 152 (He et al. 2015, figure 5): 1x1 reduces, 3x3 works, 1x1 restores to four times
 * the planes. The stride is on the 3x3 ("v1.5", as torchvision), or on the first 1x1 as in the paper.
 * [n, inPlanes, h, w] -> [n, 4 planes, h / stride, w / stride].
 */
export class Bottleneck extends Module {
  static readonly expansion: number = 4;
  static readonly variable: boolean = true;
  conv1: Conv2d;
  bn1: Module;
  conv2: Conv2d;
  bn2: Module;
  conv3: Conv2d;
  bn3: Module;
  relu: Module;
  downsample: Module | null;

  constructor(inPlanes: number, planes: number, options: BlockOptions = {}) {
    super();
    const { stride = 1, downsample = null, groups = 1, baseWidth = 64, dilation = 1, normLayer = batchNorm } = options;
    const width = Math.trunc(planes * (baseWidth / 64)) * groups;
    const [stride1, stride2] = options.strideOn === "1x1" ? [stride, 1] : [1, stride];
    this.conv1 = conv1x1(inPlanes, width, stride1);
    this.bn1 = normLayer(width);
    this.conv2 = conv3x3(width, width, stride2, groups, dilation);
    this.bn2 = normLayer(width);
    this.conv3 = conv1x1(width, planes * Bottleneck.expansion);
    this.bn3 = normLayer(planes * Bottleneck.expansion);
    this.relu = new ReLU({ inplace: true });
    this.downsample = downsample;
  }

  get lastNorm(): Module {
    return this.bn3;
  }

  /** [n, inPlanes, h, w] to [n, planes · expansion, h / stride, w / stride]: relu(branch(x) + shortcut(x)). @throws ShapeError */
  forward(x: Tensor): Tensor {
    return tidy(() => {
      let out = normActivate(this.relu, this.bn1, this.conv1.forward(x));
      out = normActivate(this.relu, this.bn2, this.conv2.forward(out));
      out = this.conv3.forward(out);
      const identity = this.downsample?.forward(x) ?? x;
      return normActivate(this.relu, this.bn3, out, identity);
    });
  }
}

/** Two layers without a shortcut: the paper's plain networks, which get worse as they get deeper. */
export class PlainBlock extends BasicBlock {
  static readonly shortcut: boolean = false;

  /** The same layers without the shortcut. */
  override forward(x: Tensor): Tensor {
    return tidy(() => {
      const out = normActivate(this.relu, this.bn1, this.conv1.forward(x));
      return normActivate(this.relu, this.bn2, this.conv2.forward(out));
    });
  }
}
