import { defaultGenerator, type Generator } from "./random.ts";
import { numel, type Shape } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/** Which generator to draw from; the default one unless told. */
export interface SampleOptions {
  readonly generator?: Generator;
}

/** A tensor of standard normal values, `torch.randn`. */
export function randn(shape: Shape, { generator = defaultGenerator() }: SampleOptions = {}): Tensor {
  return Tensor.empty(shape).set(generator.normal(numel(shape)));
}

/** A tensor of uniform values in [0, 1), `torch.rand`. */
export function rand(shape: Shape, { generator = defaultGenerator() }: SampleOptions = {}): Tensor {
  return Tensor.empty(shape).set(generator.uniform(numel(shape)));
}
