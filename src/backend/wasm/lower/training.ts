import { numel } from "../../../tensor/shape.ts";
import type { OpTable, View, Window } from "../../backend.ts";
import { onePixel } from "../../pictures.ts";
import type { TrainingOpAttrs } from "../../trainingOps.ts";
import { batchNormGrad, batchNormTrain, channelSum, sumSquares } from "./batchNorm.ts";
import type { LowerContext } from "./context.ts";
import { conv2dInputGrad, conv2dWeightGrad, linearInputGrad, linearWeightGrad } from "./conv2dGrad.ts";
import { emitReduce } from "./reduce.ts";

type Four = [number, number, number, number];

/** Elements of a tile of a pass over memory. */
const perTile = 16384;

const noWindow: Window = { ...onePixel, kernelH: 0, kernelW: 0 };

/** What poolGrad's `mode` means (assembly/grad.ts). */
const modes = { max: 0, meanOfWindow: 1, meanOfPixels: 2, adaptiveMean: 3, adaptiveMax: 4 } as const;

function pool(mode: number, x: View | null, dy: View, dx: View, window: Window, context: LowerContext): void {
  const [n, c, h, w] = dx.shape as Four;
  const [, , oh, ow] = dy.shape as Four;
  context.emit("poolGrad", n, {
    ...window,
    x: x ? context.address(x) : 0,
    dy: context.address(dy),
    dx: context.address(dx),
    h,
    w,
    c,
    oh,
    ow,
    mode,
  });
}

function multiply(a: View, b: View, y: View, context: LowerContext): void {
  const length = numel(y.shape);
  const record = { a: context.address(a), b: context.address(b), y: context.address(y), length, perTile };
  context.emit("mul", Math.ceil(length / perTile), { ...record, each: length / numel(b.shape) });
}

/** The ops of training as commands. */
export const training = {
  conv2dInputGrad,
  conv2dWeightGrad,
  linearInputGrad,
  linearWeightGrad,
  channelSum,
  batchNormTrain,
  batchNormGrad,
  sumSquares,

  reluGrad(_attrs, [y, dy], [dx], context) {
    const length = numel(dx!.shape);
    const record = { y: context.address(y!), dy: context.address(dy!), dx: context.address(dx!), length, perTile };
    context.emit("reluGrad", Math.ceil(length / perTile), record);
  },

  maxPool2dGrad: (attrs, [x, dy], [dx], context) => pool(modes.max, x!, dy!, dx!, attrs, context),
  avgPool2dGrad: (attrs, [dy], [dx], context) =>
    pool(attrs.countIncludePad ? modes.meanOfWindow : modes.meanOfPixels, null, dy!, dx!, attrs, context),
  adaptiveAvgPool2dGrad: (_attrs, [dy], [dx], context) => pool(modes.adaptiveMean, null, dy!, dx!, noWindow, context),
  adaptiveMaxPool2dGrad: (_attrs, [x, dy], [dx], context) => pool(modes.adaptiveMax, x!, dy!, dx!, noWindow, context),

  padShortcutGrad(attrs, [dy], [dx], context) {
    const [n, c, h, w] = dx!.shape as Four;
    const [, oc, oh, ow] = dy!.shape as Four;
    const record = { ...attrs, dy: context.address(dy!), dx: context.address(dx!), h, w, c, oh, ow, oc };
    context.emit("padShortcutGrad", n * h, record);
  },

  crop2d(attrs, [dy], [dx], context) {
    const [n, c, h, w] = dx!.shape as Four;
    const [, , oh, ow] = dy!.shape as Four;
    context.emit("crop", n * h, { ...attrs, dy: context.address(dy!), dx: context.address(dx!), h, w, c, oh, ow });
  },

  unflatten(_attrs, [dy], [dx], context) {
    const [n, c, h, w] = dx!.shape as Four;
    context.emit("transpose", n, { x: context.address(dy!), y: context.address(dx!), rows: c, columns: h * w });
  },

  softmaxGrad({ log }, [y, dy], [dx], context) {
    const [n, k] = dx!.shape as [number, number];
    const record = { y: context.address(y!), dy: context.address(dy!), dx: context.address(dx!), k, log: log ? 1 : 0 };
    context.emit("softmaxGrad", n, record);
  },

  crossEntropy({ labelSmoothing }, [logits, target], [loss, dlogits], context) {
    const [n, k] = logits!.shape as [number, number];
    const losses = context.scratch(n);
    context.emit("crossEntropy", n, {
      logits: context.address(logits!),
      target: context.address(target!),
      losses,
      dlogits: context.address(dlogits!),
      n,
      k,
      soft: target!.shape.length === 2 ? 1 : 0,
      smoothing: labelSmoothing,
    });
    emitReduce(context, { x: losses, y: context.address(loss!), count: n, length: 1, factor: 1 / n });
  },

  scaleBy: (_attrs, [x, factor], [y], context) => multiply(x!, factor!, y!, context),
  mul: (_attrs, [a, b], [y], context) => multiply(a!, b!, y!, context),

  sgd(attrs, [grad], [parameter, velocity], context) {
    const length = numel(parameter!.shape);
    context.emit("sgd", Math.ceil(length / perTile), {
      ...attrs,
      grad: context.address(grad!),
      parameter: context.address(parameter!),
      velocity: context.address(velocity!),
      length,
      nesterov: attrs.nesterov ? 1 : 0,
      first: attrs.first ? 1 : 0,
      keep: 1 - attrs.dampening,
      perTile,
    });
  },

  adamW(attrs, [grad], [parameter, m, v], context) {
    const length = numel(parameter!.shape);
    context.emit("adamW", Math.ceil(length / perTile), {
      ...attrs,
      grad: context.address(grad!),
      parameter: context.address(parameter!),
      m: context.address(m!),
      v: context.address(v!),
      length,
      perTile,
    });
  },

  lerp(attrs, [x], [y], context) {
    const length = numel(y!.shape);
    context.emit("lerp", Math.ceil(length / perTile), {
      ...attrs,
      x: context.address(x!),
      y: context.address(y!),
      length,
      perTile,
    });
  },
} satisfies Pick<OpTable<LowerContext>, keyof TrainingOpAttrs>;
