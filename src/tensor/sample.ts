import { checkOptions } from "../options.ts";
import { defaultGenerator, type Generator } from "./random.ts";
import { numel, type Shape } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/** Which generator to draw from; the default one unless told. */
export interface SampleOptions {
  readonly generator?: Generator;
}

function from(options: SampleOptions): Generator {
  checkOptions("rand", options, "generator");
  return options.generator ?? defaultGenerator();
}

/** A tensor of standard normal values, `torch.randn`. */
export function randn(shape: Shape, options: SampleOptions = {}): Tensor {
  return Tensor.empty(shape).set(from(options).normal(numel(shape)));
}

/** A tensor of uniform values in [0, 1), `torch.rand`. */
export function rand(shape: Shape, options: SampleOptions = {}): Tensor {
  return Tensor.empty(shape).set(from(options).uniform(numel(shape)));
}
