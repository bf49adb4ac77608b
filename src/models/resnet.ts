import { ArgumentError } from "../errors.ts";
import { Conv2d } from "../nn/conv2d.ts";
import type { Module } from "../nn/module.ts";
import { AdaptiveAvgPool2d, MaxPool2d } from "../nn/pool2d.ts";
import { normActivate, ReLU } from "../nn/relu.ts";
import { Sequential } from "../nn/sequential.ts";
import { checkOptions } from "../options.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Block, batchNorm, conv1x1, type NormLayer } from "./blocks.ts";
import { type Init, initialise, withInit } from "./initialise.ts";
import { checkClasses, classifier, PictureNet } from "./pictureNet.ts";

/** Options of the ImageNet networks, torchvision's `ResNet` arguments and a few more. */
export interface ResNetOptions {
  /** Channels of a picture; 3 by default. Pretrained RGB stems are summed (1) or repeated and rescaled (others) when loaded. */
  readonly inChannels?: number;
  /** 1000 by default; 0 leaves the classifier out, and `forward` gives pooled features [n, numFeatures]. */
  readonly numClasses?: number;
  /** Each residual branch starts as zero (arXiv 1706.02677): trains a little better. */
  readonly zeroInitResidual?: boolean;
  /** Groups of the 3x3 convolutions (ResNeXt). */
  readonly groups?: number;
  /** Channels of a group at 64 planes; 128 is "wide". */
  readonly widthPerGroup?: number;
  /** For layer2, layer3, layer4: dilate instead of striding, so that maps stay large. */
  readonly replaceStrideWithDilation?: readonly [boolean, boolean, boolean];
  readonly normLayer?: NormLayer;
  /** Where bottlenecks stride: `"3x3"` (torchvision, the default) or `"1x1"` (the paper, "v1"). */
  readonly strideOn?: "3x3" | "1x1";
  /** `"kaiming"` (torchvision's, the default), `"default"` (PyTorch's layer defaults) or `"empty"` (zeros: nothing is drawn). */
  readonly init?: Init;
}

export const resnetOptions =
  "inChannels numClasses zeroInitResidual groups widthPerGroup replaceStrideWithDilation normLayer strideOn init";

/** Blocks in each of the four stages. */
export type Layers = readonly [number, number, number, number];

/**
 * A residual network for pictures (He et al. 2015, arXiv 1512.03385), with torchvision's names and order:
 * 7x7 stem, max pooling, four stages of blocks, global average, classifier. [n, inChannels, h, w] -> [n, numClasses].
 */
export class ResNet extends PictureNet {
  conv1: Conv2d;
  bn1: Module;
  relu: Module;
  maxpool: Module;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  override layer4: Sequential;
  avgpool: AdaptiveAvgPool2d;
  fc: Module;
  /** Channels of the last map, which the classifier sees. */
  readonly numFeatures: number;
  readonly #block: Block;
  readonly #options: ResNetOptions;
  #inPlanes = 64;
  #dilation = 1;

  /** @throws ArgumentError, UnknownNameError on options that cannot be */
  constructor(block: Block, layers: Layers, options: ResNetOptions = {}) {
    super();
    checkOptions("ResNet", options, resnetOptions);
    checkResNet(block, layers, options);
    const { inChannels = 3, numClasses = 1000, replaceStrideWithDilation = [false, false, false] } = options;
    this.#block = block;
    this.#options = options;
    this.numFeatures = 512 * block.expansion;
    const { init = "kaiming", normLayer = batchNorm } = options;
    const built = withInit(init, () => ({
      conv1: new Conv2d(inChannels, 64, 7, { stride: 2, padding: 3, bias: false }),
      bn1: normLayer(64),
      layer1: this._makeLayer(64, layers[0]),
      layer2: this._makeLayer(128, layers[1], 2, replaceStrideWithDilation[0]),
      layer3: this._makeLayer(256, layers[2], 2, replaceStrideWithDilation[1]),
      layer4: this._makeLayer(512, layers[3], 2, replaceStrideWithDilation[2]),
      fc: classifier(this.numFeatures, numClasses),
    }));
    this.conv1 = built.conv1;
    this.bn1 = built.bn1;
    this.relu = new ReLU({ inplace: true });
    this.maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
    this.layer1 = built.layer1;
    this.layer2 = built.layer2;
    this.layer3 = built.layer3;
    this.layer4 = built.layer4;
    this.avgpool = new AdaptiveAvgPool2d([1, 1]);
    this.fc = built.fc;
    initialise(this, init, options.zeroInitResidual ?? false);
  }

  /** One stage: the first block changes the shape, the rest keep it. The shortcut is built before its block, as PyTorch draws. */
  _makeLayer(planes: number, blocks: number, stride = 1, dilate = false): Sequential {
    const block = this.#block;
    const { groups = 1, widthPerGroup: baseWidth = 64, normLayer = batchNorm, strideOn = "3x3" } = this.#options;
    const previousDilation = this.#dilation;
    const firstStride = dilate ? 1 : stride;
    if (dilate) this.#dilation *= stride;
    const outPlanes = planes * block.expansion;
    const changes = firstStride !== 1 || this.#inPlanes !== outPlanes;
    const downsample =
      changes && block.shortcut !== false
        ? new Sequential(conv1x1(this.#inPlanes, outPlanes, firstStride), normLayer(outPlanes))
        : null;
    const shared = { groups, baseWidth, normLayer, strideOn };
    const made: Module[] = [];
    for (let i = 0; i < blocks; i++) {
      made.push(
        i === 0
          ? new block(this.#inPlanes, planes, {
              ...shared,
              stride: firstStride,
              downsample,
              dilation: previousDilation,
            })
          : new block(outPlanes, planes, { ...shared, dilation: this.#dilation }),
      );
      this.#inPlanes = outPlanes;
    }
    return new Sequential(...made);
  }

  /** The last feature map, [n, numFeatures, h / 32, w / 32]. */
  forwardFeatures(x: Tensor): Tensor {
    return tidy(() => {
      const y = normActivate(this.relu, this.bn1, this.conv1.forward(x));
      return this.stages(this.maxpool.forward(y));
    });
  }
}

function checkResNet(block: Block, layers: Layers, options: ResNetOptions): void {
  if (layers?.length !== 4 || !layers.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new ArgumentError(`ResNet: layers must be four whole numbers of at least 1, got ${layers}`);
  }
  checkClasses("ResNet", options.numClasses ?? 1000);
  const dilate = options.replaceStrideWithDilation;
  if (dilate !== undefined && !(dilate.length === 3 && dilate.every((d) => typeof d === "boolean"))) {
    throw new ArgumentError("ResNet: replaceStrideWithDilation must be three booleans, for layer2, layer3 and layer4");
  }
  const { strideOn = "3x3", groups = 1, widthPerGroup = 64 } = options;
  if (strideOn !== "3x3" && strideOn !== "1x1") {
    throw new ArgumentError(`ResNet: strideOn must be "3x3" or "1x1", got ${JSON.stringify(strideOn)}`);
  }
  if (!block.variable && (groups !== 1 || widthPerGroup !== 64 || dilate?.some(Boolean))) {
    throw new ArgumentError(
      "ResNet: basic blocks are built only with groups 1, widthPerGroup 64 and no dilation; use Bottleneck",
    );
  }
}
