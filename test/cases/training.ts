import type { Shape } from "../../src/tensor/shape.ts";

/** One launch of a training op, compared with the js backend's 64-bit sums on the same bytes. */
export interface TrainingRow {
  readonly inputs: readonly (Shape | null)[];
  readonly outputs: readonly Shape[];
  readonly attrs: object;
  /** Outputs that are updated in place. */
  readonly inPlace?: boolean;
  /** Length of the longest sum. */
  readonly sum?: number;
  /** Inputs that must be positive (variances, second moments) or class numbers. */
  readonly positive?: readonly number[];
  readonly classes?: number;
}

const window = (kernel: number, stride: number, pad: number, dilation = 1) => ({
  kernelH: kernel,
  kernelW: kernel,
  strideH: stride,
  strideW: stride,
  padH: pad,
  padW: pad,
  dilationH: dilation,
  dilationW: dilation,
});

const out = (size: number, k: number, s: number, p: number, d: number) =>
  Math.floor((size + 2 * p - d * (k - 1) - 1) / s) + 1;

function conv(
  n: number,
  c: number,
  h: number,
  w: number,
  oc: number,
  k: number,
  s: number,
  p: number,
  d = 1,
  groups = 1,
): [string, TrainingRow][] {
  const x = [n, c, h, w];
  const dy = [n, oc, out(h, k, s, p, d), out(w, k, s, p, d)];
  const weight = [oc, c / groups, k, k];
  const attrs = { ...window(k, s, p, d), groups };
  return [
    ["conv2dInputGrad", { attrs, inputs: [dy, weight], outputs: [x], sum: (oc / groups) * k * k }],
    ["conv2dWeightGrad", { attrs, inputs: [x, dy], outputs: [weight], sum: n * dy[2]! * dy[3]! }],
  ];
}

/** Every training op with its rows. */
export const trainingRows: [string, TrainingRow][] = [
  ...conv(2, 16, 8, 8, 16, 3, 1, 1),
  ...conv(3, 3, 9, 7, 5, 3, 1, 1),
  ...conv(2, 8, 9, 9, 12, 3, 2, 1),
  ...conv(2, 3, 17, 15, 8, 7, 2, 3),
  ...conv(2, 7, 6, 5, 9, 1, 1, 0),
  ...conv(2, 16, 7, 7, 32, 1, 2, 0),
  ...conv(1, 6, 9, 9, 4, 3, 1, 2, 2),
  ...conv(2, 8, 8, 8, 8, 3, 2, 1, 1, 4),
  ...conv(2, 12, 5, 5, 6, 3, 1, 1, 1, 3),
  ...conv(1, 2, 5, 5, 3, 1, 1, 1),
  ...conv(1, 4, 10, 10, 4, 3, 3, 2),
  // Phases of a stride: kernels that do and do not divide by it, sides that do not divide, one pixel, large padding.
  ...conv(2, 5, 11, 8, 7, 4, 2, 1),
  ...conv(2, 5, 8, 10, 7, 5, 3, 2),
  ...conv(2, 6, 7, 7, 8, 2, 2, 0),
  ...conv(2, 6, 3, 3, 8, 3, 2, 1),
  ...conv(1, 6, 5, 6, 8, 3, 2, 2),
  ...conv(20, 32, 16, 16, 70, 3, 2, 1),
  // Winograd, both gradients: tails of tiles, of channels, of spans, several segments of the batch.
  ...conv(3, 20, 9, 11, 18, 3, 1, 1),
  ...conv(2, 16, 6, 7, 21, 3, 1, 0),
  ...conv(2, 17, 8, 8, 16, 3, 1, 2),
  ...conv(17, 16, 16, 16, 16, 3, 1, 1),
  ...conv(2, 70, 8, 8, 66, 3, 1, 1),
  ...conv(64, 64, 8, 8, 64, 3, 1, 1),
  // An empty batch: zeros, for segments and for Winograd.
  ...conv(0, 8, 9, 9, 12, 3, 2, 1),
  ...conv(0, 16, 8, 8, 16, 3, 1, 1),
  ...conv(0, 16, 7, 7, 32, 1, 1, 0),
  [
    "linearInputGrad",
    {
      attrs: {},
      inputs: [
        [5, 11],
        [11, 13],
      ],
      outputs: [[5, 13]],
      sum: 11,
    },
  ],
  [
    "linearWeightGrad",
    {
      attrs: {},
      inputs: [
        [37, 13],
        [37, 11],
      ],
      outputs: [[11, 13]],
      sum: 37,
    },
  ],
  [
    "linearWeightGrad",
    {
      attrs: {},
      inputs: [
        [0, 13],
        [0, 11],
      ],
      outputs: [[11, 13]],
    },
  ],
  ["channelSum", { attrs: {}, inputs: [[0, 7, 13, 11]], outputs: [[7]] }],
  ["channelSum", { attrs: {}, inputs: [[3, 7, 13, 11]], outputs: [[7]], sum: 429 }],
  ...[2, 7, 16, 33].map((c): [string, TrainingRow] => [
    "batchNormTrain",
    {
      attrs: { eps: 1e-5, momentum: 0.1, ...(c === 7 ? { relu: true } : {}) },
      inputs: [[3, c, 13, 11], [c], [c], [c], [c]],
      outputs: [[3, c, 13, 11], [c], [c]],
      positive: [4],
      sum: 429,
    },
  ]),
  [
    "batchNormTrain",
    {
      attrs: { eps: 1e-5, momentum: 0.1 },
      inputs: [[9, 6], null, null, null, null],
      outputs: [[9, 6], [6], [6]],
      sum: 9,
    },
  ],
  ...[{}, { relu: true }, { frozen: true }, { frozen: true, relu: true }].map((extra): [string, TrainingRow] => [
    "batchNormGrad",
    {
      attrs: { eps: 1e-5, ...extra },
      inputs: [[3, 9, 13, 11], [3, 9, 13, 11], [9], [9], [9], [9]],
      outputs: [[3, 9, 13, 11], [9], [9]],
      positive: [3],
      sum: 429,
    },
  ]),
  ...[9, 16].map((c): [string, TrainingRow] => [
    "batchNormTrain",
    {
      attrs: { eps: 1e-5, momentum: 0.1, relu: true, residual: true },
      inputs: [[3, c, 13, 11], [c], [c], [c], [c], [3, c, 13, 11]],
      outputs: [[3, c, 13, 11], [c], [c]],
      positive: [4],
      sum: 429,
    },
  ]),
  ...[9, 16].map((c): [string, TrainingRow] => [
    "batchNormGrad",
    {
      attrs: { eps: 1e-5, relu: true },
      inputs: [[3, c, 13, 11], [3, c, 13, 11], [c], [c], [c], [c], [3, c, 13, 11]],
      outputs: [[3, c, 13, 11], [c], [c], [3, c, 13, 11]],
      positive: [3],
      sum: 429,
    },
  ]),
  ...[
    [3, 1],
    [3, 2],
    [1, 2],
  ].map(([k, s]): [string, TrainingRow] => {
    const side = out(9, k!, s!, 1, 1);
    return [
      "conv2dInputGrad",
      {
        attrs: { ...window(k!, s!, 1), groups: 1 },
        inputs: [
          [2, 20, side, side],
          [20, 16, k!, k!],
          [2, 16, 9, 9],
        ],
        outputs: [[2, 16, 9, 9]],
        sum: 20 * k! * k! + 1,
      },
    ];
  }),
  [
    "reluGrad",
    {
      attrs: {},
      inputs: [
        [3, 5, 7, 2],
        [3, 5, 7, 2],
      ],
      outputs: [[3, 5, 7, 2]],
    },
  ],
  [
    "maxPool2dGrad",
    {
      attrs: window(3, 2, 1),
      inputs: [
        [2, 5, 9, 8],
        [2, 5, 5, 4],
      ],
      outputs: [[2, 5, 9, 8]],
      sum: 4,
    },
  ],
  [
    "maxPool2dGrad",
    {
      attrs: window(2, 1, 0, 2),
      inputs: [
        [2, 6, 9, 8],
        [2, 6, 7, 6],
      ],
      outputs: [[2, 6, 9, 8]],
      sum: 4,
    },
  ],
  [
    "avgPool2dGrad",
    { attrs: { ...window(3, 2, 1), countIncludePad: true }, inputs: [[2, 5, 5, 4]], outputs: [[2, 5, 9, 8]], sum: 4 },
  ],
  [
    "avgPool2dGrad",
    { attrs: { ...window(3, 2, 1), countIncludePad: false }, inputs: [[2, 5, 5, 4]], outputs: [[2, 5, 9, 8]], sum: 4 },
  ],
  ["adaptiveAvgPool2dGrad", { attrs: {}, inputs: [[2, 5, 3, 2]], outputs: [[2, 5, 7, 5]], sum: 4 }],
  [
    "adaptiveMaxPool2dGrad",
    {
      attrs: {},
      inputs: [
        [2, 5, 7, 5],
        [2, 5, 3, 2],
      ],
      outputs: [[2, 5, 7, 5]],
      sum: 4,
    },
  ],
  ["padShortcutGrad", { attrs: { stride: 2, before: 3, after: 4 }, inputs: [[2, 12, 4, 3]], outputs: [[2, 5, 7, 6]] }],
  ["crop2d", { attrs: { top: 2, left: 1 }, inputs: [[2, 3, 9, 8]], outputs: [[2, 3, 5, 6]] }],
  ["unflatten", { attrs: {}, inputs: [[3, 60]], outputs: [[3, 5, 4, 3]] }],
  [
    "softmaxGrad",
    {
      attrs: { log: false },
      inputs: [
        [4, 7],
        [4, 7],
      ],
      outputs: [[4, 7]],
      sum: 7,
    },
  ],
  [
    "softmaxGrad",
    {
      attrs: { log: true },
      inputs: [
        [4, 7],
        [4, 7],
      ],
      outputs: [[4, 7]],
      sum: 7,
    },
  ],
  [
    "crossEntropy",
    { attrs: { labelSmoothing: 0 }, inputs: [[6, 10], [6]], outputs: [[1], [6, 10]], classes: 10, sum: 10 },
  ],
  [
    "crossEntropy",
    { attrs: { labelSmoothing: 0.1 }, inputs: [[6, 10], [6]], outputs: [[1], [6, 10]], classes: 10, sum: 10 },
  ],
  [
    "crossEntropy",
    {
      attrs: { labelSmoothing: 0.1 },
      inputs: [
        [6, 10],
        [6, 10],
      ],
      outputs: [[1], [6, 10]],
      positive: [1],
      sum: 10,
    },
  ],
  ["scaleBy", { attrs: {}, inputs: [[4, 7], [1]], outputs: [[4, 7]] }],
  [
    "mul",
    {
      attrs: {},
      inputs: [
        [4, 7],
        [4, 7],
      ],
      outputs: [[4, 7]],
    },
  ],
  ["mul", { attrs: {}, inputs: [[4, 7, 3, 3], [4]], outputs: [[4, 7, 3, 3]] }],
  ["sumSquares", { attrs: {}, inputs: [[9000]], outputs: [[1]], sum: 9000 }],
  ...[
    { momentum: 0, nesterov: false, first: true },
    { momentum: 0.9, nesterov: false, first: true },
    { momentum: 0.9, nesterov: false, first: false },
    { momentum: 0.9, nesterov: true, first: false },
  ].map((extra): [string, TrainingRow] => [
    "sgd",
    {
      attrs: { lr: 0.1, dampening: 0, weightDecay: 1e-4, ...extra },
      inputs: [[77]],
      outputs: [[77], [77]],
      inPlace: true,
    },
  ]),
  [
    "adamW",
    {
      attrs: {
        lr: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weightDecay: 0.01,
        correction1: 0.19,
        correction2: 0.002,
      },
      inputs: [[77]],
      outputs: [[77], [77], [77]],
      inPlace: true,
    },
  ],
  ["lerp", { attrs: { weight: 0.01 }, inputs: [[77]], outputs: [[77]], inPlace: true }],
];

/** Uniform in [-0.5, 0.5), the same for the same seed. */
export function trainingValues(length: number, seed: number, kind: "any" | "positive" | number): Float32Array {
  let s = seed * 2654435761 + 1;
  return Float32Array.from({ length }, () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    const u = s / 2 ** 32;
    return kind === "any" ? u - 0.5 : kind === "positive" ? u + 0.1 : Math.floor(u * kind);
  });
}
