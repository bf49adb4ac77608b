import { numel } from "../../../tensor/shape.ts";
import type { OpTable, View, Window } from "../../backend.ts";
import type { LowerContext } from "./context.ts";
import { optional } from "./context.ts";
import { lowerConv2d, lowerLinear } from "./conv2d.ts";
import { training } from "./training.ts";

/** Elements of a tile of a pass over memory: 64 KB, half a first-level cache of in- and output. */
const passElements = 16384;

type Four = [number, number, number, number];

function pooling(x: View, y: View, attrs: Window, context: LowerContext) {
  const [, c, h, w] = x.shape as Four;
  const [n, , oh, ow] = y.shape as Four;
  return { tiles: n * oh, record: { ...attrs, x: context.address(x), y: context.address(y), h, w, c, oh, ow } };
}

function adaptive(x: View, y: View, max: number, context: LowerContext): void {
  const [, c, h, w] = x.shape as Four;
  const [n, , oh, ow] = y.shape as Four;
  const record = { x: context.address(x), y: context.address(y), h, w, c, oh, ow, max };
  context.emit("adaptivePool", n * oh * ow, record);
}

interface Pass {
  readonly a: View;
  readonly b?: View;
  readonly relu?: boolean | undefined;
  readonly factor?: number;
}

function pointwise(y: View, { a, b, relu, factor }: Pass, context: LowerContext): void {
  const length = numel(y.shape);
  context.emit("pointwise", Math.ceil(length / passElements), {
    a: context.address(a),
    b: optional(context, b),
    y: context.address(y),
    length,
    relu: relu ? 1 : 0,
    scaled: factor === undefined ? 0 : 1,
    factor: factor ?? 1,
    perTile: passElements,
  });
}

/** Every op as commands. */
export const lower = {
  conv2d: lowerConv2d,
  linear: lowerLinear,

  maxPool2d(attrs, [x], [y], context) {
    const { tiles, record } = pooling(x!, y!, attrs, context);
    context.emit("maxPool", tiles, record);
  },

  avgPool2d(attrs, [x], [y], context) {
    const { tiles, record } = pooling(x!, y!, attrs, context);
    context.emit("avgPool", tiles, { ...record, countIncludePad: attrs.countIncludePad ? 1 : 0 });
  },

  adaptiveAvgPool2d: (_attrs, [x], [y], context) => adaptive(x!, y!, 0, context),
  adaptiveMaxPool2d: (_attrs, [x], [y], context) => adaptive(x!, y!, 1, context),

  batchNorm(attrs, [x, weight, bias, mean, variance], [y], context) {
    const c = x!.shape[1]!;
    const rows = numel(x!.shape) / c;
    const scale = context.prepare(`norm ${attrs.eps}`, [mean!, variance!, weight!, bias!], 2 * c, (at) => {
      context.emit("normFold", 1, {
        weight: optional(context, weight),
        bias: optional(context, bias),
        mean: context.address(mean!),
        variance: context.address(variance!),
        scale: at,
        c,
        eps: attrs.eps,
      });
    });
    const rowsPerTile = Math.max(1, Math.floor(passElements / c));
    context.emit("scaleShift", Math.ceil(rows / rowsPerTile), {
      x: context.address(x!),
      scale,
      y: context.address(y!),
      rows,
      c,
      relu: attrs.relu ? 1 : 0,
      rowsPerTile,
    });
  },

  relu: (_attrs, [x], [y], context) => pointwise(y!, { a: x!, relu: true }, context),
  add: (attrs, [a, b], [y], context) => pointwise(y!, { a: a!, b: b!, relu: attrs.relu }, context),
  mulScalar: (attrs, [x], [y], context) => pointwise(y!, { a: x!, factor: attrs.factor }, context),

  padShortcut(attrs, [x], [y], context) {
    const [, c, h, w] = x!.shape as Four;
    const [n, oc, oh, ow] = y!.shape as Four;
    const record = { ...attrs, x: context.address(x!), y: context.address(y!), h, w, c, oh, ow, oc };
    context.emit("padShortcut", n * oh, record);
  },

  pad2d(attrs, [x], [y], context) {
    const [, c, h, w] = x!.shape as Four;
    const [n, , oh, ow] = y!.shape as Four;
    context.emit("pad", n * oh, { ...attrs, x: context.address(x!), y: context.address(y!), h, w, c, oh, ow });
  },

  softmax(attrs, [x], [y], context) {
    const [n, k] = x!.shape as [number, number];
    context.emit("softmax", n, { x: context.address(x!), y: context.address(y!), k, log: attrs.log ? 1 : 0 });
  },

  flatten(_attrs, [x], [y], context) {
    const [n, c, h, w] = x!.shape as Four;
    context.emit("transpose", n, { x: context.address(x!), y: context.address(y!), rows: h * w, columns: c });
  },

  ...training,
} satisfies OpTable<LowerContext>;
