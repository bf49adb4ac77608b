import { apply } from "../autograd/apply.ts";
import type { OpDefinition } from "../autograd/definition.ts";
import type { Window } from "../backend/backend.ts";
import { ShapeError } from "../errors.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { needRank, type Pair, pair, type WindowOptions, window, windowOutput } from "./check.ts";
import { launch } from "./launch.ts";

function poolShapes(op: "maxPool2d" | "avgPool2d", attrs: Window, x: Shape | null | undefined): Shape[] {
  const [n, c] = needRank(op, "input", x, 4, "n, c, h, w") as [number, number];
  if (attrs.padH * 2 > attrs.kernelH || attrs.padW * 2 > attrs.kernelW) {
    throw new ShapeError(
      op,
      `padding ${attrs.padH}x${attrs.padW} is more than half the window ${attrs.kernelH}x${attrs.kernelW}`,
    );
  }
  return [[n, c, ...windowOutput(op, x!, attrs)]];
}

export const maxPool2dOp: OpDefinition<"maxPool2d"> = {
  name: "maxPool2d",
  shapes: (attrs, [x]) => poolShapes("maxPool2d", attrs, x),
  saves: { inputs: [0] },
  gradient: ({ attrs, shapes: [x], inputs, dys }) => launch("maxPool2dGrad", attrs, [inputs[0]!, dys[0]!], [x!]),
};

export const avgPool2dOp: OpDefinition<"avgPool2d"> = {
  name: "avgPool2d",
  shapes: (attrs, [x]) => poolShapes("avgPool2d", attrs, x),
  gradient: ({ attrs, shapes: [x], dys }) => launch("avgPool2dGrad", attrs, [dys[0]!], [x!]),
};

/** The output size is the output view's: attributes are empty because `shapes` cannot guess it, see {@link adaptiveAvgPool2d}. */
function adaptiveOp<K extends "adaptiveAvgPool2d" | "adaptiveMaxPool2d">(
  name: K,
  oh: number,
  ow: number,
): OpDefinition<K> {
  return {
    name,
    shapes(_attrs, [x]) {
      const [n, c, h, w] = needRank(name, "input", x, 4, "n, c, h, w") as [number, number, number, number];
      if (h < 1 || w < 1) throw new ShapeError(name, `the picture has no pixels: ${h}x${w}`);
      return [[n, c, oh, ow]];
    },
    ...(name === "adaptiveMaxPool2d" ? { saves: { inputs: [0] } } : {}),
    gradient({ shapes: [x], inputs, dys: [dy] }) {
      return name === "adaptiveAvgPool2d"
        ? launch("adaptiveAvgPool2dGrad", {}, [dy!], [x!])
        : launch("adaptiveMaxPool2dGrad", {}, [inputs[0]!, dy!], [x!]);
    },
  };
}

/** Largest value in each window; padding counts as -inf. x [n, c, h, w]; `stride` defaults to the kernel (PyTorch). */
export function maxPool2d(x: Tensor, kernel: Pair, options: WindowOptions = {}): Tensor {
  return apply(maxPool2dOp, window("maxPool2d", kernel, options, kernel), [x])[0]!;
}

/** Mean of each window. `countIncludePad` (default true, as PyTorch's) divides by the whole window at the borders too. */
export function avgPool2d(
  x: Tensor,
  kernel: Pair,
  options: WindowOptions & { countIncludePad?: boolean } = {},
): Tensor {
  const attrs = {
    ...window("avgPool2d", kernel, options, kernel, " countIncludePad"),
    countIncludePad: options.countIncludePad ?? true,
  };
  return apply(avgPool2dOp, attrs, [x])[0]!;
}

/** Mean of areas so that the output has the given size: rows floor(i·h/oh) to ceil((i+1)·h/oh), as PyTorch. */
export function adaptiveAvgPool2d(x: Tensor, output: Pair = 1): Tensor {
  const [oh, ow] = pair(output);
  return apply(adaptiveOp("adaptiveAvgPool2d", oh, ow), {}, [x])[0]!;
}

/** Like {@link adaptiveAvgPool2d} with the largest value. */
export function adaptiveMaxPool2d(x: Tensor, output: Pair = 1): Tensor {
  const [oh, ow] = pair(output);
  return apply(adaptiveOp("adaptiveMaxPool2d", oh, ow), {}, [x])[0]!;
}
