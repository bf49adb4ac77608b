import * as cifar from "./cifar.ts";
import * as preact from "./cifarPreact.ts";
import * as imagenet from "./imagenet.ts";
import * as keras from "./keras.ts";
import { type ModelName, modelName } from "./names.ts";
import type { PictureNet } from "./pictureNet.ts";
import { pure } from "./pure.ts";

/** One network by name. */
export interface ModelEntry<Options = never, Net extends PictureNet = PictureNet> {
  readonly build: (options?: Options) => Net;
  /** Pixels a side that it was designed for. */
  readonly size: number;
}

const entry =
  (size: number) =>
  <Options, Net extends PictureNet>(build: (options?: Options) => Net): ModelEntry<Options, Net> => ({ build, size });

const big = /* @__PURE__ */ entry(224);
const small = /* @__PURE__ */ entry(32);

/** How every network of names.ts is built. Marked as pure: who does not look here bundles only what they name. */
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
      keras_resnet50: big(keras.kerasResnet50),
      keras_resnet101: big(keras.kerasResnet101),
      keras_resnet152: big(keras.kerasResnet152),
      keras_resnet50v2: big(keras.kerasResnet50V2),
      keras_resnet101v2: big(keras.kerasResnet101V2),
      keras_resnet152v2: big(keras.kerasResnet152V2),
    }) satisfies Record<ModelName, ModelEntry>,
);

/** The options that `createModel(name, options)` takes. */
export type ModelOptions<Name extends ModelName> = NonNullable<Parameters<(typeof models)[Name]["build"]>[0]>;

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
