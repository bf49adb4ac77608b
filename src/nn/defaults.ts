import { constant, lazyParameter, type Parameter } from "./parameter.ts";

/** The weight and bias of a new convolution or linear layer, drawn as PyTorch draws them (`reset_parameters`). */
export interface WeightAndBias {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
}

/** PyTorch's default for both layers: weight kaiming_uniform_(a = sqrt 5), then bias uniform in ±1/sqrt(fan in). */
export function convDefaults(shape: readonly number[], bias: boolean): WeightAndBias {
  return {
    weight: lazyParameter(shape, constant(shape, 0)),
    bias: bias ? lazyParameter([shape[0]!], constant([shape[0]!], 0)) : null,
  };
}
