import { Conv2d } from "../nn/conv2d.ts";
import { Module } from "../nn/module.ts";
import { normActivate, ReLU } from "../nn/relu.ts";
import { add } from "../ops/pointwise.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { batchNorm, conv3x3, type NormLayer } from "./blocks.ts";

/** The shortcut of a pre-activation block: `downsample` sees the activated input, `pool` the raw one. At most one is there. */
export interface PreactOptions {
  readonly stride?: number;
  readonly downsample?: Module | null;
  readonly pool?: Module | null;
  readonly normLayer?: NormLayer;
}

/**
 * The two-layer pre-activation block (He et al. 2016, arXiv 1603.05027, figure 1b): a = relu(bn(x)),
 * y = x + conv3x3(relu(bn(conv3x3(a)))). [n, inPlanes, h, w] -> [n, planes, h / stride, w / stride].
 */
export class PreactBasicBlock extends Module {
  bn1: Module;
  conv1: Conv2d;
  bn2: Module;
  conv2: Conv2d;
  relu: Module;
  downsample: Module | null;

  constructor(inPlanes: number, planes: number, options: PreactOptions = {}) {
    super();
    const { stride = 1, downsample = null, normLayer = batchNorm } = options;
    this.bn1 = normLayer(inPlanes);
    this.conv1 = conv3x3(inPlanes, planes, stride);
    this.bn2 = normLayer(planes);
    this.conv2 = conv3x3(planes, planes);
    this.relu = new ReLU({ inplace: true });
    this.downsample = downsample;
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const active = normActivate(this.relu, this.bn1, x);
      const identity = this.downsample?.forward(active) ?? x;
      let out = this.conv1.forward(active);
      out = this.conv2.forward(normActivate(this.relu, this.bn2, out));
      return add(out, identity);
    });
  }
}

export interface PreactBottleneckOptions extends PreactOptions {
  /** Which convolution has the stride: the first 1x1 (the authors' CIFAR networks) or the 3x3 (Keras). */
  readonly strideOn?: "1x1" | "3x3";
  /** Whether the last 1x1 has a bias (Keras). */
  readonly bias?: boolean;
}

/**
 * The three-layer pre-activation block: 1x1 reduces to `planes`, 3x3 works, 1x1 restores to four times `planes`.
 * [n, inPlanes, h, w] -> [n, 4 planes, h / stride, w / stride].
 */
export class PreactBottleneck extends Module {
  bn1: Module;
  conv1: Conv2d;
  bn2: Module;
  conv2: Conv2d;
  bn3: Module;
  conv3: Conv2d;
  relu: Module;
  downsample: Module | null;
  pool: Module | null;

  constructor(inPlanes: number, planes: number, options: PreactBottleneckOptions = {}) {
    super();
    const { stride = 1, downsample = null, pool = null, normLayer = batchNorm, bias = false } = options;
    const [stride1, stride2] = options.strideOn === "3x3" ? [1, stride] : [stride, 1];
    this.bn1 = normLayer(inPlanes);
    this.conv1 = new Conv2d(inPlanes, planes, 1, { stride: stride1, bias: false });
    this.bn2 = normLayer(planes);
    this.conv2 = conv3x3(planes, planes, stride2);
    this.bn3 = normLayer(planes);
    this.conv3 = new Conv2d(planes, 4 * planes, 1, { bias });
    this.relu = new ReLU({ inplace: true });
    this.downsample = downsample;
    this.pool = pool;
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const active = normActivate(this.relu, this.bn1, x);
      const identity = this.downsample?.forward(active) ?? this.pool?.forward(x) ?? x;
      let out = this.conv1.forward(active);
      out = this.conv2.forward(normActivate(this.relu, this.bn2, out));
      out = this.conv3.forward(normActivate(this.relu, this.bn3, out));
      return add(out, identity);
    });
  }
}
