import { ArgumentError } from "../errors.ts";
import { mul } from "../ops/mul.ts";
import { checkShares } from "../options.ts";
import { defaultGenerator } from "../tensor/random.ts";
import { tidy } from "../tensor/scope.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { pyFloat } from "./python.ts";

/** Ones and zeros of the default generator in PyTorch's order, the ones divided by their probability. */
function draw(count: number, keep: number): Float32Array {
  return defaultGenerator()
    .bernoulli(count, keep)
    .map((v) => v / keep);
}

function mask(shape: readonly number[], keep: number): Tensor {
  return tensor(
    draw(
      shape.reduce((a, b) => a * b, 1),
      keep,
    ),
    shape,
  );
}

/** Zeroes a random share `p` of the values in training and does nothing in evaluation, torch.nn.Dropout. */
export class Dropout extends Module {
  readonly p: number;

  constructor(p = 0.5) {
    super();
    checkShares("Dropout", { p });
    this.p = p;
  }

  /** The same shape; in evaluation, the same values. */
  forward(x: Tensor): Tensor {
    return this.training && this.p > 0 ? this.forwardTraining(x) : x;
  }

  protected forwardTraining(x: Tensor): Tensor {
    return tidy(() => mul(x, mask(x.shape, 1 - this.p)));
  }

  override extraRepr(): string {
    return `p=${pyFloat(this.p)}, inplace=False`;
  }
}

/**
 * Leaves a residual branch out of a random share `p` of the pictures (`"row"`) or batches (`"batch"`) in training and divides the
 * others by their probability (Huang et al. 2016, arXiv 1603.09382), torchvision.ops.StochasticDepth. Stands at the end of a branch.
 */
export class StochasticDepth extends Module {
  readonly p: number;
  readonly mode: "row" | "batch";

  constructor(p: number, mode: "row" | "batch" = "row") {
    super();
    checkShares("StochasticDepth", { p });
    if (mode !== "row" && mode !== "batch")
      throw new ArgumentError(`StochasticDepth: mode must be "row" or "batch", got ${JSON.stringify(mode)}`);
    this.p = p;
    this.mode = mode;
  }

  /** The same shape; in evaluation, the same values. */
  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    return tidy(() => {
      const n = x.shape[0]!;
      if (this.mode === "row") return mul(x, mask([n], 1 - this.p));
      const [factor] = draw(1, 1 - this.p);
      return mul(x, tensor(new Float32Array(n).fill(factor!), [n]));
    });
  }

  override extraRepr(): string {
    return `p=${pyFloat(this.p)}, mode=${this.mode}`;
  }
}
