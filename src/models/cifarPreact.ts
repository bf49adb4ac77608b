import { ArgumentError } from "../errors.ts";
import { BatchNorm2d } from "../nn/batchNorm2d.ts";
import type { Conv2d } from "../nn/conv2d.ts";
import type { Module } from "../nn/module.ts";
import { AdaptiveAvgPool2d } from "../nn/pool2d.ts";
import { normActivate, ReLU } from "../nn/relu.ts";
import { Sequential } from "../nn/sequential.ts";
import { checkOptions } from "../options.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { conv1x1, conv3x3 } from "./blocks.ts";
import { type Init, initialise, withInit } from "./initialise.ts";
import { checkClasses, classifier, PictureNet } from "./pictureNet.ts";
import { PreactBasicBlock, PreactBottleneck } from "./preactBlocks.ts";

/** Options of the pre-activation networks (He et al. 2016, arXiv 1603.05027). */
export interface CifarPreactOptions {
  /** 3 by default. */
  readonly inChannels?: number;
  /** 10 by default; 0 leaves the classifier out. */
  readonly numClasses?: number;
  /** See ResNetOptions. */
  readonly init?: Init;
}

/**
 * Pre-activation networks for 32x32 pictures (He et al. 2016, arXiv 1603.05027): 6n + 2 layers of basic blocks, or 9n + 2 of
 * bottlenecks, with a last batch norm and ReLU before the pooling. Where the shape changes, a 1x1 convolution of the
 * activated input is the shortcut, as in the authors' code. [n, 3, 32, 32] -> [n, 10].
 */
export class CifarPreactResNet extends PictureNet {
  conv1: Conv2d;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  bn: BatchNorm2d;
  relu: Module;
  avgpool: AdaptiveAvgPool2d;
  fc: Module;
  readonly numFeatures: number;

  constructor(depth: number, options: CifarPreactOptions & { readonly bottleneck?: boolean } = {}) {
    super();
    checkOptions("CifarPreactResNet", options, "inChannels numClasses init bottleneck");
    const { inChannels = 3, numClasses = 10, init = "kaiming", bottleneck = false } = options;
    const perBlock = bottleneck ? 9 : 6;
    const n = (depth - 2) / perBlock;
    if (!Number.isInteger(n) || n < 1) {
      throw new ArgumentError(`CifarPreactResNet: depth must be ${perBlock}n + 2, got ${depth}`);
    }
    checkClasses("CifarPreactResNet", numClasses);
    const expansion = bottleneck ? 4 : 1;
    this.numFeatures = 64 * expansion;
    const built = withInit(init, () => ({
      conv1: conv3x3(inChannels, 16),
      layer1: stage(n, 16, 16, 1, bottleneck),
      layer2: stage(n, 16 * expansion, 32, 2, bottleneck),
      layer3: stage(n, 32 * expansion, 64, 2, bottleneck),
      bn: new BatchNorm2d(this.numFeatures),
      fc: classifier(this.numFeatures, numClasses),
    }));
    this.conv1 = built.conv1;
    this.layer1 = built.layer1;
    this.layer2 = built.layer2;
    this.layer3 = built.layer3;
    this.bn = built.bn;
    this.relu = new ReLU({ inplace: true });
    this.avgpool = new AdaptiveAvgPool2d([1, 1]);
    this.fc = built.fc;
    initialise(this, init, false);
  }

  forwardFeatures(x: Tensor): Tensor {
    return tidy(() => {
      return normActivate(this.relu, this.bn, this.stages(this.conv1.forward(x)));
    });
  }
}

function stage(n: number, from: number, planes: number, stride: number, bottleneck: boolean): Sequential {
  const block = bottleneck ? PreactBottleneck : PreactBasicBlock;
  const out = planes * (bottleneck ? 4 : 1);
  const blocks: Module[] = [];
  for (let i = 0; i < n; i++) {
    if (i > 0) blocks.push(new block(out, planes));
    else {
      const downsample = stride !== 1 || from !== out ? new Sequential(conv1x1(from, out, stride)) : null;
      blocks.push(new block(from, planes, { stride, downsample }));
    }
  }
  return new Sequential(...blocks);
}

/** Pre-activation ResNet-110 of basic blocks (6.37 % error in the paper). */
export function cifarPreactResnet110(options: CifarPreactOptions = {}): CifarPreactResNet {
  return new CifarPreactResNet(110, options);
}

/** Pre-activation ResNet-164 of bottlenecks (5.46 % error in the paper). */
export function cifarPreactResnet164(options: CifarPreactOptions = {}): CifarPreactResNet {
  return new CifarPreactResNet(164, { ...options, bottleneck: true });
}
