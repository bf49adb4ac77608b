import { ArgumentError } from "../errors.ts";
import { BatchNorm2d } from "../nn/batchNorm2d.ts";
import type { Conv2d } from "../nn/conv2d.ts";
import { Module } from "../nn/module.ts";
import { AdaptiveAvgPool2d } from "../nn/pool2d.ts";
import { normActivate, ReLU } from "../nn/relu.ts";
import { Sequential } from "../nn/sequential.ts";
import type { StateTensors } from "../nn/stateDict.ts";
import { padShortcut } from "../ops/shape.ts";
import { checkOptions } from "../options.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { renameKeys } from "./adapt.ts";
import { BasicBlock, conv1x1, conv3x3, PlainBlock } from "./blocks.ts";
import { type Init, initialise, withInit } from "./initialise.ts";
import { checkClasses, classifier, PictureNet } from "./pictureNet.ts";

/**
 * How shortcuts cross a change of shape (paper, section 3.3): `"A"` subsamples and pads with zero channels, without parameters;
 * `"B"` projects by a 1x1 convolution where the shape changes; `"C"` projects in every block.
 */
export type Shortcut = "A" | "B" | "C";

/** Options of the paper's CIFAR networks (section 4.2). */
export interface CifarResNetOptions {
  /** 3 by default. */
  readonly inChannels?: number;
  /** 10 by default; 0 leaves the classifier out. */
  readonly numClasses?: number;
  readonly shortcut?: Shortcut;
  readonly zeroInitResidual?: boolean;
  /** See ResNetOptions. */
  readonly init?: Init;
}

export const cifarOptions = "inChannels numClasses shortcut zeroInitResidual init";

/** Shortcut A as a module: every second pixel, zero channels on both sides. It has no parameters. */
export class PadShortcut extends Module {
  readonly stride: number;
  readonly before: number;
  readonly after: number;

  constructor(inPlanes: number, planes: number, stride: number) {
    super();
    this.stride = stride;
    this.before = Math.floor((planes - inPlanes) / 2);
    this.after = planes - inPlanes - this.before;
  }

  forward(x: Tensor): Tensor {
    return padShortcut(x, this);
  }

  override extraRepr(): string {
    return `stride=${this.stride}, before=${this.before}, after=${this.after}`;
  }
}

/**
 * The paper's networks for 32x32 pictures (section 4.2): a 3x3 stem, three stages of n basic blocks with 16, 32 and 64
 * channels, global average, classifier: 6n + 2 layers. [n, 3, 32, 32] -> [n, 10].
 *
 * Checkpoints that call the classifier `linear` (as github.com/akamaster/pytorch_resnet_cifar10 does) load as they are.
 */
export class CifarResNet extends PictureNet {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  relu: Module;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  avgpool: AdaptiveAvgPool2d;
  fc: Module;
  readonly numFeatures: number = 64;

  /** @param plain without shortcuts: the networks that get worse as they get deeper */
  constructor(depth: number, options: CifarResNetOptions = {}, plain = false) {
    super();
    const owner = plain ? "CIFAR plain network" : "CifarResNet";
    checkOptions(owner, options, cifarOptions);
    const { inChannels = 3, numClasses = 10, shortcut = "A", init = "kaiming" } = options;
    const n = (depth - 2) / 6;
    if (!Number.isInteger(n) || n < 1)
      throw new ArgumentError(`${owner}: depth must be 6n + 2 (20, 32, …), got ${depth}`);
    checkClasses(owner, numClasses);
    checkShortcut(owner, shortcut, ["A", "B", "C"]);
    const built = withInit(init, () => ({
      conv1: conv3x3(inChannels, 16),
      bn1: new BatchNorm2d(16),
      layer1: stage(n, 16, 16, 1, shortcut, plain),
      layer2: stage(n, 16, 32, 2, shortcut, plain),
      layer3: stage(n, 32, 64, 2, shortcut, plain),
      fc: classifier(64, numClasses),
    }));
    this.conv1 = built.conv1;
    this.bn1 = built.bn1;
    this.relu = new ReLU({ inplace: true });
    this.layer1 = built.layer1;
    this.layer2 = built.layer2;
    this.layer3 = built.layer3;
    this.avgpool = new AdaptiveAvgPool2d([1, 1]);
    this.fc = built.fc;
    initialise(this, init, options.zeroInitResidual ?? false);
  }

  /** The last feature map, [n, 64, h / 4, w / 4]. */
  forwardFeatures(x: Tensor): Tensor {
    return tidy(() => {
      return this.stages(normActivate(this.relu, this.bn1, this.conv1.forward(x)));
    });
  }

  override adaptState(state: StateTensors, prefix: string): StateTensors {
    return super.adaptState(renameKeys(state, `${prefix}linear.`, `${prefix}fc.`), prefix);
  }
}

/** @throws ArgumentError */
export function checkShortcut(owner: string, shortcut: string, known: readonly string[]): void {
  if (!known.includes(shortcut)) {
    const names = known.map((s) => JSON.stringify(s)).join(", ");
    throw new ArgumentError(`${owner}: shortcut must be one of ${names}, got ${JSON.stringify(shortcut)}`);
  }
}

function stage(
  n: number,
  from: number,
  planes: number,
  stride: number,
  shortcut: Shortcut,
  plain: boolean,
): Sequential {
  const blocks: Module[] = [];
  for (let i = 0; i < n; i++) {
    const inPlanes = i === 0 ? from : planes;
    const s = i === 0 ? stride : 1;
    if (plain) blocks.push(new PlainBlock(inPlanes, planes, { stride: s }));
    else {
      const block = new BasicBlock(inPlanes, planes, { stride: s });
      // After the block's own convolutions: the order in which PyTorch's twin of this network draws.
      block.downsample = shortcutModule(inPlanes, planes, s, shortcut);
      blocks.push(block);
    }
  }
  return new Sequential(...blocks);
}

function shortcutModule(inPlanes: number, planes: number, stride: number, shortcut: Shortcut): Module | null {
  const changes = stride !== 1 || inPlanes !== planes;
  if (shortcut === "C" || (shortcut === "B" && changes)) {
    return new Sequential(conv1x1(inPlanes, planes, stride), new BatchNorm2d(planes));
  }
  return changes ? new PadShortcut(inPlanes, planes, stride) : null;
}

/** 269,722 parameters with shortcut A; 40.6 M multiply-accumulates at 32. */
export function cifarResnet20(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(20, options);
}

/** 464,154 parameters with shortcut A. */
export function cifarResnet32(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(32, options);
}

/** 658,586 parameters with shortcut A. */
export function cifarResnet44(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(44, options);
}

/** 853,018 parameters with shortcut A. */
export function cifarResnet56(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(56, options);
}

/** 1,727,962 parameters with shortcut A. */
export function cifarResnet110(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(110, options);
}

/** The same layers without shortcuts. */
export function cifarPlain20(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(20, options, true);
}

/** ResNet-32's layers without shortcuts (paper, section 4.2). */
export function cifarPlain32(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(32, options, true);
}

/** ResNet-44's layers without shortcuts (paper, section 4.2). */
export function cifarPlain44(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(44, options, true);
}

/** ResNet-56's layers without shortcuts (paper, section 4.2). */
export function cifarPlain56(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(56, options, true);
}

/** ResNet-110's layers without shortcuts: hardly trains, which is the paper's point (Figure 6). */
export function cifarPlain110(options: CifarResNetOptions = {}): CifarResNet {
  return new CifarResNet(110, options, true);
}
