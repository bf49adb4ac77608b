import { flatten, pad2d } from "../ops/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { pyTuple } from "./python.ts";

/** Gives its input back, torch.nn.Identity. */
export class Identity extends Module {
  /** The same tensor. */
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** [n, c, h, w] -> [n, c·h·w], torch.nn.Flatten; [n, k] stays as it is. */
export class Flatten extends Module {
  /** [n, c, h, w] to [n, c·h·w], row-major. */
  forward(x: Tensor): Tensor {
    return x.shape.length === 2 ? x : flatten(x);
  }

  override extraRepr(): string {
    return "start_dim=1, end_dim=-1";
  }
}

/** Zeros around each picture, torch.nn.ZeroPad2d. One number for all sides, or [left, right, top, bottom]. */
export class ZeroPad2d extends Module {
  readonly padding: readonly [left: number, right: number, top: number, bottom: number];

  constructor(padding: number | readonly [left: number, right: number, top: number, bottom: number]) {
    super();
    this.padding = typeof padding === "number" ? [padding, padding, padding, padding] : padding;
  }

  /** [n, c, h, w] to [n, c, top + h + bottom, left + w + right]. */
  forward(x: Tensor): Tensor {
    const [left, right, top, bottom] = this.padding;
    return pad2d(x, { left, right, top, bottom });
  }

  override extraRepr(): string {
    return pyTuple(this.padding);
  }
}
