import { apply } from "../autograd/apply.ts";
import type { OpDefinition } from "../autograd/definition.ts";
import type { OpAttrs } from "../backend/backend.ts";
import { ShapeError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { needRank } from "./check.ts";
import { launch } from "./launch.ts";

export const padShortcutOp: OpDefinition<"padShortcut"> = {
  name: "padShortcut",
  shapes({ stride, before, after }, [x]) {
    const [n, c, h, w] = needRank("padShortcut", "input", x, 4, "n, c, h, w") as [number, number, number, number];
    if (![stride - 1, before, after].every((size) => Number.isInteger(size) && size >= 0)) {
      throw new ShapeError(
        "padShortcut",
        `stride ${stride}, before ${before}, after ${after}: needs whole numbers of at least 0, a stride of at least 1`,
      );
    }
    return [[n, before + c + after, Math.ceil(h / stride), Math.ceil(w / stride)]];
  },
  gradient: ({ attrs, shapes: [x], dys: [dy] }) => launch("padShortcutGrad", attrs, [dy!], [x!]),
};

export const pad2dOp: OpDefinition<"pad2d"> = {
  name: "pad2d",
  shapes({ top, bottom, left, right }, [x]) {
    const [n, c, h, w] = needRank("pad2d", "input", x, 4, "n, c, h, w") as [number, number, number, number];
    if (![top, bottom, left, right].every((size) => Number.isInteger(size) && size >= 0)) {
      const sizes = `top ${top}, bottom ${bottom}, left ${left}, right ${right}`;
      throw new ShapeError("pad2d", `${sizes}: all must be whole numbers of at least 0`);
    }
    return [[n, c, top + h + bottom, left + w + right]];
  },
  gradient: ({ attrs: { top, left }, shapes: [x], dys: [dy] }) => launch("crop2d", { top, left }, [dy!], [x!]),
};

export const flattenOp: OpDefinition<"flatten"> = {
  name: "flatten",
  shapes(_attrs, [x]) {
    const [n, c, h, w] = needRank("flatten", "input", x, 4, "n, c, h, w") as [number, number, number, number];
    return [[n, c * h * w]];
  },
  gradient: ({ shapes: [x], dys: [dy] }) => launch("unflatten", {}, [dy!], [x!]),
};

/**
 * The parameter-free shortcut of the paper (option A, section 3.3): every `stride`-th pixel, and zero channels put before and
 * after. x [n, c, h, w] -> [n, before + c + after, ceil(h / stride), ceil(w / stride)].
 */
export function padShortcut(x: Tensor, options: { stride: number; before: number; after: number }): Tensor {
  checkOptions("padShortcut", options);
  return apply(padShortcutOp, { ...options }, [x])[0]!;
}

/** Puts `value` around each picture. */
export function pad2d(x: Tensor, options: Partial<OpAttrs["pad2d"]>): Tensor {
  checkOptions("pad2d", options, "top bottom left right value");
  const { top = 0, bottom = 0, left = 0, right = 0, value = 0 } = options;
  return apply(pad2dOp, { top, bottom, left, right, value }, [x])[0]!;
}

/** [n, c, h, w] -> [n, c·h·w] in the shape's row-major order (PyTorch's `flatten(x, 1)`). Returns [n, c·h·w]. */
export function flatten(x: Tensor): Tensor {
  return apply(flattenOp, {}, [x])[0]!;
}
