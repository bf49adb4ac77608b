import { families, type ModelName } from "./models/names.ts";
import { cifar10Labels, cifar100Labels } from "./vision/labels/cifar.ts";
import type { Labels } from "./vision/labels/labels.ts";
import {
  cifarClassification,
  greyClassification,
  imageClassification,
  kerasClassification,
  type Preprocessing,
} from "./vision/presets.ts";

/** From a picture to the input of a family's published weights; of one channel (`resnet-ts train` on MNIST's likes), whatever the family. */
export function usualPreprocessing(model: ModelName, inChannels = 3): Preprocessing {
  if (inChannels === 1) return greyClassification();
  const family = families[model];
  if (family === "cifar") return cifarClassification();
  if (family === "keras") return kerasClassification(model.endsWith("v2") ? "tf" : "caffe");
  return imageClassification();
}

/** ImageNet's or CIFAR's labels, where the number of classes says which. */
export async function usualLabels(model: ModelName, numClasses: number): Promise<Labels | undefined> {
  if (families[model] === "cifar") {
    if (numClasses === 10) return cifar10Labels;
    return numClasses === 100 ? cifar100Labels : undefined;
  }
  return numClasses === 1000 ? (await import("./vision/labels/imagenet.ts")).imagenetLabels : undefined;
}
