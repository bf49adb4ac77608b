import { defaultBias, defaultWeight, zeros } from "./init.ts";
import { lazyParameter, type Parameter } from "./parameter.ts";

/** The weight and bias of a new convolution or linear layer, drawn as PyTorch draws them (`reset_parameters`). */
export interface WeightAndBias {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
}

let drawing = true;

/** PyTorch's default for both layers: weight kaiming_uniform_(a = sqrt 5), then bias uniform in ±1/sqrt(fan in). */
export function convDefaults(shape: readonly number[], bias: boolean): WeightAndBias {
  const channels = [shape[0]!];
  const weight = lazyParameter(shape, drawing ? defaultWeight(shape) : zeros(shape));
  if (!bias) return { weight, bias: null };
  return { weight, bias: lazyParameter(channels, drawing ? defaultBias(shape)(channels) : zeros(channels)) };
}

/** Layers that are made inside start as zeros and leave the generator alone. */
export function withoutDrawing<T>(build: () => T): T {
  const before = drawing;
  drawing = false;
  try {
    return build();
  } finally {
    drawing = before;
  }
}
