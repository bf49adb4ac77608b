import { UnknownNameError } from "../errors.ts";
import { Conv2d } from "../nn/conv2d.ts";
import { withoutDrawing } from "../nn/defaults.ts";
import { residualConvolution, zeros } from "../nn/init.ts";
import { Module } from "../nn/module.ts";
import { lazyParameter, Parameter } from "../nn/parameter.ts";
import { PlainBlock } from "./blocks.ts";

const inits = ["kaiming", "default", "empty"] as const;

/** How a new network's weights are drawn; see `ResNetOptions.init`. */
export type Init = (typeof inits)[number];

/** Builds layers: `"empty"` draws nothing, the others draw PyTorch's layer defaults (which `"kaiming"` overwrites). */
export function withInit<T>(init: Init, build: () => T): T {
  if (!inits.includes(init)) throw new UnknownNameError("init", init, inits);
  return init === "empty" ? withoutDrawing(build) : build();
}

/**
 * torchvision's second pass: convolutions kaiming_normal_ (fan out, relu) in the order of modules(). The defaults that
 * were drawn before are dropped without having been computed; the generator moves on as if they had been.
 */
export function initialise(net: Module<unknown>, init: Init, zeroInitResidual: boolean): void {
  for (const module of net.modules()) {
    if (init === "kaiming" && module instanceof Conv2d) {
      const { shape } = module.weight;
      module.weight.dispose();
      module.weight = lazyParameter(shape, residualConvolution(shape));
    }
    if (zeroInitResidual) zeroBranch(module);
  }
}

/** A block whose last normalisation has weight zero is the identity at first. Blocks without a shortcut stay as they are. */
function zeroBranch(block: Module<unknown>): void {
  if (!("lastNorm" in block) || block instanceof PlainBlock) return;
  const norm = block.lastNorm;
  if (!(norm instanceof Module && "weight" in norm && norm.weight instanceof Parameter)) return;
  const { shape } = norm.weight;
  norm.weight.dispose();
  norm.weight = lazyParameter(shape, zeros(shape));
}
