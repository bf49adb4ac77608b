import { UnknownNameError } from "../errors.ts";
import * as cifar from "./cifar.ts";
import * as preact from "./cifarPreact.ts";
import * as imagenet from "./imagenet.ts";
import * as keras from "./keras.ts";
import type { PictureNet } from "./pictureNet.ts";
import { pure } from "./pure.ts";

/** One network by name. */
export interface ModelEntry<Options = never, Net extends PictureNet = PictureNet> {
  readonly build: (options?: Options) => Net;
  /** Pixels a side that it was designed for. */
  readonly size: number;
  readonly family: "imagenet" | "cifar" | "keras";
}

const entry =
  (family: ModelEntry["family"], size: number) =>
  <Options, Net extends PictureNet>(build: (options?: Options) => Net): ModelEntry<Options, Net> => ({
    build,
    size,
    family,
  });

const big = /* @__PURE__ */ entry("imagenet", 224);
const small = /* @__PURE__ */ entry("cifar", 32);
const theirs = /* @__PURE__ */ entry("keras", 224);

/** Every network of the library, by torchvision's kind of name. Marked as pure: who does not look here bundles only what they name. */
export const models = /* @__PURE__ */ pure(
  () =>
    ({
      resnet18: big(imagenet.resnet18),
      resnet34: big(imagenet.resnet34),
      resnet50: big(imagenet.resnet50),
      resnet101: big(imagenet.resnet101),
      resnet152: big(imagenet.resnet152),
      wide_resnet50_2: big(imagenet.wideResnet50_2),
      wide_resnet101_2: big(imagenet.wideResnet101_2),
      resnext50_32x4d: big(imagenet.resnext50_32x4d),
      resnext101_32x8d: big(imagenet.resnext101_32x8d),
      resnext101_64x4d: big(imagenet.resnext101_64x4d),
      plain18: big(imagenet.plain18),
      plain34: big(imagenet.plain34),
      cifar_resnet20: small(cifar.cifarResnet20),
      cifar_resnet32: small(cifar.cifarResnet32),
      cifar_resnet44: small(cifar.cifarResnet44),
      cifar_resnet56: small(cifar.cifarResnet56),
      cifar_resnet110: small(cifar.cifarResnet110),
      cifar_plain20: small(cifar.cifarPlain20),
      cifar_plain32: small(cifar.cifarPlain32),
      cifar_plain44: small(cifar.cifarPlain44),
      cifar_plain56: small(cifar.cifarPlain56),
      cifar_plain110: small(cifar.cifarPlain110),
      cifar_preact_resnet110: small(preact.cifarPreactResnet110),
      cifar_preact_resnet164: small(preact.cifarPreactResnet164),
      keras_resnet50: theirs(keras.kerasResnet50),
      keras_resnet101: theirs(keras.kerasResnet101),
      keras_resnet152: theirs(keras.kerasResnet152),
      keras_resnet50v2: theirs(keras.kerasResnet50V2),
      keras_resnet101v2: theirs(keras.kerasResnet101V2),
      keras_resnet152v2: theirs(keras.kerasResnet152V2),
    }) as const,
);

/** Names that `createModel` and the command know. */
export type ModelName = keyof typeof models;

/** The options that `createModel(name, options)` takes. */
export type ModelOptions<Name extends ModelName> = NonNullable<Parameters<(typeof models)[Name]["build"]>[0]>;

/** All of them. */
export const modelNames = /* @__PURE__ */ Object.keys(models) as ModelName[];

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");
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

/** Builds a network by name. @throws UnknownNameError */
export function createModel<Name extends ModelName>(
  name: Name,
  options?: ModelOptions<Name>,
): ReturnType<(typeof models)[Name]["build"]>;
export function createModel(name: string, options?: Readonly<Record<string, unknown>>): PictureNet;
export function createModel(name: string, options: object = {}): PictureNet {
  const { build } = models[modelName(name)] as unknown as ModelEntry<object>;
  return build(options);
}
