import { ArgumentError } from "../errors.ts";
import { BatchNorm2d } from "../nn/batchNorm2d.ts";
import { Conv2d } from "../nn/conv2d.ts";
import { Module } from "../nn/module.ts";
import { AdaptiveAvgPool2d, AdaptiveMaxPool2d, MaxPool2d } from "../nn/pool2d.ts";
import { addActivate, normActivate, ReLU } from "../nn/relu.ts";
import { Sequential } from "../nn/sequential.ts";
import { Identity, ZeroPad2d } from "../nn/shape.ts";
import { Softmax } from "../nn/softmax.ts";
import { checkOptions, checkWhole } from "../options.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { NormLayer } from "./blocks.ts";
import { type Init, initialise, withInit } from "./initialise.ts";
import { checkClasses, classifier, PictureNet } from "./pictureNet.ts";
import { PreactBottleneck } from "./preactBlocks.ts";
import type { Layers } from "./resnet.ts";

/** Options of keras.applications' ResNets, by Keras's names. */
export interface KerasOptions {
  /** 3 by default. */
  readonly inChannels?: number;
  /** The classifier; true by default. */
  readonly includeTop?: boolean;
  /** Without the classifier: `"avg"` or `"max"` gives [n, 2048], null (the default) the map itself. */
  readonly pooling?: "avg" | "max" | null;
  /** 1000 by default. */
  readonly classes?: number;
  /** `"softmax"` (the default, probabilities as Keras gives them) or null for logits. */
  readonly classifierActivation?: "softmax" | null;
  /** Channels of the stem, from which all others follow; 64 by default, as published. */
  readonly width?: number;
  readonly init?: Init;
}

const known = "inChannels includeTop pooling classes classifierActivation width init";

/** Keras's batch norm: its momentum 0.99 is the old share, PyTorch's 0.01 the new one. */
const kerasNorm: NormLayer = (channels) => new BatchNorm2d(channels, { eps: 1.001e-5, momentum: 0.01 });

/** The three-layer block of Keras's V1: a bias on every convolution, the stride on the first 1x1 as in the paper. */
export class KerasBottleneck extends Module {
  conv1: Conv2d;
  bn1: Module;
  conv2: Conv2d;
  bn2: Module;
  conv3: Conv2d;
  bn3: Module;
  relu: Module;
  downsample: Module | null;

  constructor(inPlanes: number, planes: number, stride: number, project: boolean) {
    super();
    this.conv1 = new Conv2d(inPlanes, planes, 1, { stride });
    this.bn1 = kerasNorm(planes);
    this.conv2 = new Conv2d(planes, planes, 3, { padding: 1 });
    this.bn2 = kerasNorm(planes);
    this.conv3 = new Conv2d(planes, 4 * planes, 1);
    this.bn3 = kerasNorm(4 * planes);
    this.relu = new ReLU();
    this.downsample = project
      ? new Sequential(new Conv2d(inPlanes, 4 * planes, 1, { stride }), kerasNorm(4 * planes))
      : null;
  }

  get lastNorm(): Module {
    return this.bn3;
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      let out = normActivate(this.relu, this.bn1, this.conv1.forward(x));
      out = normActivate(this.relu, this.bn2, this.conv2.forward(out));
      out = this.bn3.forward(this.conv3.forward(out));
      return addActivate(this.relu, out, this.downsample?.forward(x) ?? x);
    });
  }
}

type Pooling = AdaptiveAvgPool2d | AdaptiveMaxPool2d | Identity;

/** What V1 and V2 of keras.applications share: the stem's convolution, four stages, and the top. */
abstract class KerasNet extends PictureNet {
  abstract override readonly conv1: Conv2d;
  abstract activation: Softmax | Identity;

  /** Probabilities (or logits) with a top; without one the map, or its average or maximum. */
  override forwardHead(features: Tensor): Tensor {
    if (this.avgpool instanceof Identity) return features;
    // After resetClassifier(0) there is nothing to make probabilities of.
    if (this.fc instanceof Identity) return this.pool(features);
    return tidy(() => this.activation.forward(this.fc.forward(this.pool(features))));
  }

  /** The new classifier is there to be trained and gives logits: the softmax goes with the old one. */
  override resetClassifier(numClasses: number): this {
    super.resetClassifier(numClasses);
    this.activation = new Identity();
    return this;
  }
}

/** One stage. @param planes of its 3x3 convolutions; it ends with four times as many */
type Stage = (from: number, planes: number, blocks: number, index: number) => Sequential;

/** The parts that hold parameters, drawn in the network's order. */
function parts(owner: string, layers: Layers, options: KerasOptions, stage: Stage) {
  checkOptions(owner, options, known);
  const { inChannels = 3, width = 64, init = "kaiming" } = options;
  checkWhole(owner, { width });
  return withInit(init, () => ({
    conv1: new Conv2d(inChannels, width, 7, { stride: 2, padding: 3 }),
    layer1: stage(width, width, layers[0], 0),
    layer2: stage(4 * width, 2 * width, layers[1], 1),
    layer3: stage(8 * width, 4 * width, layers[2], 2),
    layer4: stage(16 * width, 8 * width, layers[3], 3),
    numFeatures: 32 * width,
    width,
    init,
    ...top(owner, options, 32 * width),
  }));
}

function top(owner: string, options: KerasOptions, numFeatures: number) {
  const { includeTop = true, pooling = null, classes = 1000, classifierActivation = "softmax" } = options;
  checkClasses(owner, classes);
  if (pooling !== null && pooling !== "avg" && pooling !== "max") {
    throw new ArgumentError(`${owner}: pooling must be "avg", "max" or null, got ${JSON.stringify(pooling)}`);
  }
  if (classifierActivation !== "softmax" && classifierActivation !== null) {
    throw new ArgumentError(
      `${owner}: classifierActivation must be "softmax" or null, got ${JSON.stringify(classifierActivation)}`,
    );
  }
  const kind = includeTop ? "avg" : pooling;
  const avgpool: Pooling =
    kind === null ? new Identity() : new { avg: AdaptiveAvgPool2d, max: AdaptiveMaxPool2d }[kind]([1, 1]);
  return {
    avgpool,
    fc: classifier(numFeatures, includeTop ? classes : 0),
    activation: includeTop && classifierActivation === "softmax" && classes > 0 ? new Softmax() : new Identity(),
  };
}

/**
 * keras.applications' ResNet50, 101, 152. Names of parameters are torchvision's (`layer1.0.conv1.weight`); Keras's names are mapped
 * by `kerasKey`. Zeros that Keras puts before its max pooling change nothing here, because they follow a ReLU.
 * Input: RGB turned to BGR, minus the means, unscaled. [n, 3, h, w] -> [n, classes].
 */
export class KerasResNet extends KerasNet {
  conv1: Conv2d;
  bn1: Module;
  relu: Module;
  maxpool: Module;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  override layer4: Sequential;
  avgpool: Pooling;
  fc: Module;
  activation: Softmax | Identity;
  readonly numFeatures: number;

  constructor(layers: Layers, options: KerasOptions = {}) {
    super();
    const stage: Stage = (from, planes, blocks, index) => {
      const first = new KerasBottleneck(from, planes, index === 0 ? 1 : 2, true);
      const rest = Array.from({ length: blocks - 1 }, () => new KerasBottleneck(4 * planes, planes, 1, false));
      return new Sequential(first, ...rest);
    };
    const built = parts("KerasResNet", layers, options, stage);
    this.conv1 = built.conv1;
    this.bn1 = kerasNorm(built.width);
    this.relu = new ReLU();
    this.maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
    this.layer1 = built.layer1;
    this.layer2 = built.layer2;
    this.layer3 = built.layer3;
    this.layer4 = built.layer4;
    this.avgpool = built.avgpool;
    this.fc = built.fc;
    this.activation = built.activation;
    this.numFeatures = built.numFeatures;
    initialise(this, built.init, false);
  }

  forwardFeatures(x: Tensor): Tensor {
    return tidy(() => {
      const y = normActivate(this.relu, this.bn1, this.conv1.forward(x));
      return this.stages(this.maxpool.forward(y));
    });
  }
}

/**
 * keras.applications' ResNet50V2, 101V2, 152V2: pre-activation blocks, the stride in the last block of a stage with a max-pool
 * shortcut, no batch norm in the stem, zeros (not -inf) around the map before its max pooling, `bn` (Keras's `post_bn`) at the
 * end. Input: x / 127.5 - 1. [n, 3, h, w] -> [n, classes].
 */
export class KerasResNetV2 extends KerasNet {
  conv1: Conv2d;
  pad: ZeroPad2d;
  maxpool: Module;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  override layer4: Sequential;
  bn: Module;
  relu: Module;
  avgpool: Pooling;
  fc: Module;
  activation: Softmax | Identity;
  readonly numFeatures: number;

  constructor(layers: Layers, options: KerasOptions = {}) {
    super();
    const shared = { normLayer: kerasNorm, bias: true, strideOn: "3x3" } as const;
    const stage: Stage = (from, planes, blocks, index) =>
      new Sequential(
        ...Array.from({ length: blocks }, (_, i) => {
          const s = i === blocks - 1 && index < 3 ? 2 : 1;
          const downsample = i === 0 ? new Sequential(new Conv2d(from, 4 * planes, 1, { stride: s })) : null;
          const pool = i > 0 && s > 1 ? new MaxPool2d(1, { stride: s }) : null;
          return new PreactBottleneck(i === 0 ? from : 4 * planes, planes, { ...shared, stride: s, downsample, pool });
        }),
      );
    const built = parts("KerasResNetV2", layers, options, stage);
    this.conv1 = built.conv1;
    this.pad = new ZeroPad2d(1);
    this.maxpool = new MaxPool2d(3, { stride: 2 });
    this.layer1 = built.layer1;
    this.layer2 = built.layer2;
    this.layer3 = built.layer3;
    this.layer4 = built.layer4;
    this.bn = kerasNorm(built.numFeatures);
    this.relu = new ReLU();
    this.avgpool = built.avgpool;
    this.fc = built.fc;
    this.activation = built.activation;
    this.numFeatures = built.numFeatures;
    initialise(this, built.init, false);
  }

  forwardFeatures(x: Tensor): Tensor {
    return tidy(() => {
      const y = this.maxpool.forward(this.pad.forward(this.conv1.forward(x)));
      return normActivate(this.relu, this.bn, this.stages(y));
    });
  }
}

/** keras.applications.ResNet50: 25,636,712 parameters and statistics. */
export function kerasResnet50(options: KerasOptions = {}): KerasResNet {
  return new KerasResNet([3, 4, 6, 3], options);
}

/** keras.applications.ResNet101: 44,707,176 parameters and statistics. */
export function kerasResnet101(options: KerasOptions = {}): KerasResNet {
  return new KerasResNet([3, 4, 23, 3], options);
}

/** keras.applications.ResNet152: 60,419,944 parameters and statistics. */
export function kerasResnet152(options: KerasOptions = {}): KerasResNet {
  return new KerasResNet([3, 8, 36, 3], options);
}

/** keras.applications.ResNet50V2: 25,613,800 parameters and statistics. */
export function kerasResnet50V2(options: KerasOptions = {}): KerasResNetV2 {
  return new KerasResNetV2([3, 4, 6, 3], options);
}

/** keras.applications.ResNet101V2: 44,675,560 parameters and statistics. */
export function kerasResnet101V2(options: KerasOptions = {}): KerasResNetV2 {
  return new KerasResNetV2([3, 4, 23, 3], options);
}

/** keras.applications.ResNet152V2: 60,380,648 parameters and statistics. */
export function kerasResnet152V2(options: KerasOptions = {}): KerasResNetV2 {
  return new KerasResNetV2([3, 8, 36, 3], options);
}
