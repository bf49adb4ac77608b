import { UnknownNameError } from "../errors.ts";
import { pure } from "./pure.ts";

// Names apart from networks: a page whose classifier lives in a worker needs to know what there is, not how it is built.

/** Every network of the library, by torchvision's kind of name, and its family. registry.ts builds them. */
export const families = {
  resnet18: "imagenet",
  resnet34: "imagenet",
  resnet50: "imagenet",
  resnet101: "imagenet",
  resnet152: "imagenet",
  wide_resnet50_2: "imagenet",
  wide_resnet101_2: "imagenet",
  resnext50_32x4d: "imagenet",
  resnext101_32x8d: "imagenet",
  resnext101_64x4d: "imagenet",
  plain18: "imagenet",
  plain34: "imagenet",
  cifar_resnet20: "cifar",
  cifar_resnet32: "cifar",
  cifar_resnet44: "cifar",
  cifar_resnet56: "cifar",
  cifar_resnet110: "cifar",
  cifar_plain20: "cifar",
  cifar_plain32: "cifar",
  cifar_plain44: "cifar",
  cifar_plain56: "cifar",
  cifar_plain110: "cifar",
  cifar_preact_resnet110: "cifar",
  cifar_preact_resnet164: "cifar",
  keras_resnet50: "keras",
  keras_resnet101: "keras",
  keras_resnet152: "keras",
  keras_resnet50v2: "keras",
  keras_resnet101v2: "keras",
  keras_resnet152v2: "keras",
} as const;

/** Names that `createModel` and the command know. */
export type ModelName = keyof typeof families;

/** All of them. */
export const modelNames = /* @__PURE__ */ Object.keys(families) as ModelName[];

const plain = (name: string): string =>
  String(name)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "");
const byPlainName = /* @__PURE__ */ pure(() => new Map(modelNames.map((name) => [plain(name), name])));

/**
 * The name among `modelNames` that somebody means: `wide_resnet50_2`, `wideResnet50_2` and `cifarResnet20` are all understood.
 * @throws UnknownNameError with the nearest name
 */
export function modelName(name: string): ModelName {
  const found = byPlainName.get(plain(name));
  if (found === undefined) throw new UnknownNameError("model", name, modelNames);
  return found;
}
