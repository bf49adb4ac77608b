import { ArgumentError, UnknownNameError } from "./errors.ts";
import { type ModelName, modelName } from "./models/names.ts";
import { pure } from "./models/pure.ts";
import { imageClassification, type Preprocessing, timmClassification } from "./vision/presets.ts";

/** Published weights of one network. All know ImageNet's 1000 classes. */
export interface PublishedWeights {
  readonly model: ModelName;
  /** e.g. `IMAGENET1K_V2` */
  readonly name: string;
  /** The publisher's `.pth`, whose name carries the first digits of its SHA-256. Servers do not let pages read it. */
  readonly pth?: string;
  /** The same weights as safetensors on Hugging Face, which pages may read. No checksum is published with it. */
  readonly safetensors: string;
  /** SPDX name. */
  readonly license: string;
  /** false: not for commercial use; loading asks for `allowNonCommercial`. */
  readonly commercial: boolean;
  readonly preprocessing: Preprocessing;
  /** Per cent on ImageNet's 50,000 validation pictures, as the publisher states it. */
  readonly accuracy?: { readonly top1: number; readonly top5?: number };
}

type Accuracy = readonly [top1: number, top5?: number];

const hub = (id: string): string => `https://huggingface.co/timm/${id}/resolve/main/model.safetensors`;

const accuracy = ([top1, top5]: Accuracy) => ({ accuracy: top5 === undefined ? { top1 } : { top1, top5 } });

/** torchvision's: the accuracies and resize sizes of its `ResNet*_Weights`. */
function torchvision(
  model: ModelName,
  version: 1 | 2,
  file: string,
  resizeSize: number,
  stated: Accuracy,
): PublishedWeights {
  return {
    model,
    name: `IMAGENET1K_V${version}`,
    pth: `https://download.pytorch.org/models/${file}.pth`,
    safetensors: hub(`${model}.tv${version === 2 ? "2" : ""}_in1k`),
    license: "BSD-3-Clause",
    commercial: true,
    preprocessing: imageClassification({ resizeSize }),
    ...accuracy(stated),
  };
}

/** timm's A1 recipe ("ResNet strikes back"), accuracies at 288 pixels. */
function a1(model: ModelName, stated: Accuracy): PublishedWeights {
  return {
    model,
    name: "TIMM_A1",
    safetensors: hub(`${model}.a1_in1k`),
    license: "Apache-2.0",
    commercial: true,
    preprocessing: timmClassification({ inputSize: 288, cropPct: 1 }),
    ...accuracy(stated),
  };
}

/** Facebook's, trained with a billion tagged or unlabelled pictures: not for commercial use. */
function facebook(model: ModelName, name: "FB_SWSL" | "FB_SSL"): PublishedWeights {
  const id = name === "FB_SWSL" ? "fb_swsl_ig1b_ft_in1k" : "fb_ssl_yfcc100m_ft_in1k";
  return {
    model,
    name,
    safetensors: hub(`${model}.${id}`),
    license: "CC-BY-NC-4.0",
    commercial: false,
    preprocessing: timmClassification({ interpolation: "bilinear" }),
  };
}

/** Every network's published weights, the best of torchvision's last. */
export const publishedWeights: readonly PublishedWeights[] = /* @__PURE__ */ pure(() => [
  torchvision("resnet18", 1, "resnet18-f37072fd", 256, [69.758, 89.078]),
  torchvision("resnet34", 1, "resnet34-b627a593", 256, [73.314, 91.42]),
  torchvision("resnet50", 1, "resnet50-0676ba61", 256, [76.13, 92.862]),
  torchvision("resnet50", 2, "resnet50-11ad3fa6", 232, [80.858, 95.434]),
  torchvision("resnet101", 1, "resnet101-63fe2227", 256, [77.374, 93.546]),
  torchvision("resnet101", 2, "resnet101-cd907fc2", 232, [81.886, 95.78]),
  torchvision("resnet152", 1, "resnet152-394f9c45", 256, [78.312, 94.046]),
  torchvision("resnet152", 2, "resnet152-f82ba261", 232, [82.284, 96.002]),
  torchvision("resnext50_32x4d", 1, "resnext50_32x4d-7cdf4587", 256, [77.618, 93.698]),
  torchvision("resnext50_32x4d", 2, "resnext50_32x4d-1a0047aa", 232, [81.198, 95.34]),
  torchvision("resnext101_32x8d", 1, "resnext101_32x8d-8ba56ff5", 256, [79.312, 94.526]),
  torchvision("resnext101_32x8d", 2, "resnext101_32x8d-110c445d", 232, [82.834, 96.228]),
  torchvision("resnext101_64x4d", 1, "resnext101_64x4d-173b62eb", 232, [83.246, 96.454]),
  torchvision("wide_resnet50_2", 1, "wide_resnet50_2-95faca4d", 256, [78.468, 94.086]),
  torchvision("wide_resnet50_2", 2, "wide_resnet50_2-9ba9bcbe", 232, [81.602, 95.758]),
  torchvision("wide_resnet101_2", 1, "wide_resnet101_2-32ee1156", 256, [78.848, 94.284]),
  torchvision("wide_resnet101_2", 2, "wide_resnet101_2-d733dc28", 232, [82.51, 96.02]),
  a1("resnet18", [73.164]),
  a1("resnet34", [77.93]),
  a1("resnet50", [81.24]),
  facebook("resnet18", "FB_SWSL"),
  facebook("resnet18", "FB_SSL"),
  facebook("resnet50", "FB_SWSL"),
  facebook("resnet50", "FB_SSL"),
]);

/** The published weights of a network, e.g. to list their names. @throws UnknownNameError */
export function weightsOf(model: ModelName | (string & {})): readonly PublishedWeights[] {
  const known = modelName(model);
  return publishedWeights.filter((w) => w.model === known);
}

/** True for what can only be a name of published weights: capitals, digits and `_`. */
export function isWeightsName(text: unknown): text is string {
  return typeof text === "string" && /^[A-Z][A-Z0-9_]*$/.test(text);
}

/**
 * Published weights by name; `"DEFAULT"` is torchvision's newest.
 * @throws UnknownNameError with the nearest name, ArgumentError for a network without any
 */
export function findWeights(model: ModelName | (string & {}), name: string): PublishedWeights {
  const all = weightsOf(model);
  if (all.length === 0) throw new ArgumentError(`no weights of ${model} are published; give a checkpoint`);
  const wanted = name === "DEFAULT" ? all.filter((w) => w.name.startsWith("IMAGENET1K")).at(-1) : undefined;
  const found = wanted ?? all.find((w) => w.name === name);
  if (found === undefined)
    throw new UnknownNameError(`weights of ${model}`, name, ["DEFAULT", ...all.map((w) => w.name)]);
  return found;
}
