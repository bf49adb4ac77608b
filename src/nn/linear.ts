import { linear } from "../ops/linear.ts";
import { checkOptions, checkWhole } from "../options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convDefaults } from "./defaults.ts";
import { Module } from "./module.ts";
import type { Parameter } from "./parameter.ts";
import { pyBool } from "./python.ts";

/** `x · weightᵀ + bias`, torch.nn.Linear. [n, inFeatures] -> [n, outFeatures]. */
export class Linear extends Module {
  /** [outFeatures, inFeatures] */
  weight: Parameter;
  bias: Parameter | null;
  readonly inFeatures: number;
  readonly outFeatures: number;

  /** @throws ArgumentError on sizes that are not whole numbers of at least 1 */
  constructor(inFeatures: number, outFeatures: number, options: { readonly bias?: boolean } = {}) {
    super();
    checkOptions("Linear", options, "bias");
    checkWhole("Linear", { inFeatures, outFeatures });
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    const made = convDefaults([outFeatures, inFeatures], options.bias ?? true);
    this.weight = made.weight;
    this.bias = made.bias;
  }

  /** [n, in] to [n, out]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${pyBool(this.bias !== null)}`;
  }
}
