import { apply } from "../autograd/apply.ts";
import type { OpDefinition } from "../autograd/definition.ts";
import { ShapeError } from "../errors.ts";
import { formatShape, numel } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { needRank, needShape, type WindowOptions, window, windowOutput } from "./check.ts";
import { launch } from "./launch.ts";

export const conv2dOp: OpDefinition<"conv2d"> = {
  name: "conv2d",
  shapes(attrs, [x, weight, bias, residual]) {
    const [n, c] = needRank("conv2d", "input", x, 4, "n, c, h, w") as [number, number];
    const [oc, icg] = needRank("conv2d", "weight", weight, 4, "oc, c/groups, kh, kw") as [number, number];
    const { groups } = attrs;
    if (c !== icg * groups) {
      throw new ShapeError(
        "conv2d",
        `input ${formatShape(x!)} has ${c} channels, but weight ${formatShape(weight!)} with groups=${groups} needs ${icg * groups}`,
      );
    }
    if (oc % groups !== 0 || groups % 1 !== 0)
      throw new ShapeError("conv2d", `${oc} output channels do not divide into ${groups} groups`);
    needShape("conv2d", "bias", bias, [oc]);
    const out = [n, oc, ...windowOutput("conv2d", x!, attrs)];
    needShape("conv2d", "residual", residual, out);
    return [out];
  },
  macs(_attrs, [, weight], [y]) {
    return numel(y!) * (numel(weight!) / weight![0]!);
  },
  saves: { inputs: [0, 1] },
  gradient({ attrs, shapes, inputs: [x, weight], dys: [dy], needs, take }) {
    const [xShape, wShape, bShape] = shapes;
    const known = needs[0] ? take(0) : null;
    const dx = needs[0] ? launch("conv2dInputGrad", attrs, [dy!, weight!, known], [xShape!])[0]! : null;
    known?.dispose();
    return [
      dx,
      needs[1] ? launch("conv2dWeightGrad", attrs, [x!, dy!], [wShape!])[0]! : null,
      needs[2] ? launch("channelSum", {}, [dy!], [bShape!])[0]! : null,
    ];
  },
};

/** Options of `conv2d`, as torch.nn.functional.conv2d's; `groups` is 1 by default. */
export interface Conv2dOptions extends WindowOptions {
  readonly groups?: number;
}

/**
 * 2-D cross-correlation, as PyTorch's `conv2d`.
 * @param x [n, c, h, w]
 * @param weight [oc, c / groups, kh, kw]
 * @param bias [oc] or null
 * @returns [n, oc, oh, ow]
 * @throws ShapeError
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: Conv2dOptions = {}): Tensor {
  needRank("conv2d", "weight", weight?.shape, 4, "oc, c/groups, kh, kw");
  const w = window("conv2d", [weight.shape[2]!, weight.shape[3]!], options, 1, " groups");
  return apply(conv2dOp, { ...w, groups: options.groups ?? 1 }, [x, weight, bias, null])[0]!;
}
