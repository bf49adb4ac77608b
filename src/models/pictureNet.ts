import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Identity } from "../nn/shape.ts";
import type { StateTensors } from "../nn/stateDict.ts";
import { flatten } from "../ops/shape.ts";
import { checkWhole } from "../options.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { adaptStem, dropClassifier } from "./adapt.ts";

/** What the networks have in common: feature maps, one global average, a classifier that can be replaced. */
export abstract class PictureNet extends Module {
  abstract readonly conv1: { readonly inChannels: number };
  abstract readonly avgpool: Module;
  /** The classifier; Identity where the network has none. Any module from [n, numFeatures] may stand there. */
  abstract fc: Module;
  /** Channels of the last map, which the classifier sees. */
  abstract readonly numFeatures: number;

  abstract readonly layer1: Module;
  abstract readonly layer2: Module;
  abstract readonly layer3: Module;
  /** CIFAR networks have three stages. */
  declare readonly layer4?: Module;

  /** The map after the last stage, from the stem's. To be called in a `tidy`. */
  protected stages(stem: Tensor): Tensor {
    const y = this.layer3.forward(this.layer2.forward(this.layer1.forward(stem)));
    return this.layer4?.forward(y) ?? y;
  }

  /** The last feature map, [n, numFeatures, h', w']. */
  abstract forwardFeatures(x: Tensor): Tensor;

  /** The classifier on a feature map. */
  forwardHead(features: Tensor): Tensor {
    return tidy(() => this.fc.forward(this.pool(features)));
  }

  /** [n, numFeatures] from a feature map: what `embed` gives and what the classifier sees. */
  pool(features: Tensor): Tensor {
    return tidy(() => flatten(this.avgpool.forward(features)));
  }

  /** Pictures [n, channels, h, w] to logits [n, classes], or to features where there is no classifier. @throws ShapeError */
  forward(x: Tensor): Tensor {
    return tidy(() => this.forwardHead(this.forwardFeatures(x)));
  }

  /** Classes that the classifier tells apart, as its last linear layer has them; 0 without one. */
  get numClasses(): number {
    let classes = 0;
    for (const layer of this.fc.modules()) if (layer instanceof Linear) classes = layer.outFeatures;
    return classes;
  }

  /** A new, randomly initialised classifier for `numClasses`; 0 for none. The old one is given back. Returns this. */
  resetClassifier(numClasses: number): this {
    checkClasses("resetClassifier", numClasses);
    const fc = classifier(this.numFeatures, numClasses);
    fc.training = this.training;
    this.fc.dispose();
    this.fc = fc;
    return this;
  }

  /** RGB stems fit networks of other channels, and a network without a classifier leaves the checkpoint's aside. */
  override adaptState(state: StateTensors, prefix: string): StateTensors {
    const stemmed = adaptStem(state, `${prefix}conv1.weight`, this.conv1.inChannels);
    return this.fc instanceof Identity ? dropClassifier(stemmed, `${prefix}fc.`) : stemmed;
  }
}

export function classifier(numFeatures: number, numClasses: number): Linear | Identity {
  return numClasses === 0 ? new Identity() : new Linear(numFeatures, numClasses);
}

/** @throws ArgumentError */
export function checkClasses(owner: string, numClasses: number): void {
  checkWhole(owner, { numClasses }, 0);
}
