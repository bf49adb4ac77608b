import type { Shape } from "../../src/tensor/shape.ts";
import type { Case } from "./case.ts";

const shapes: readonly Shape[] = [
  ...[1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 31, 33].map((c) => [2, c, 3, 5]),
  [1, 1, 1, 1],
  [5, 10],
  [0, 4, 2, 2],
  [101],
];
const big: Shape = [1, 256, 56, 56];
const name = (shape: Shape): string => shape.join("x");

function batchNormRow(x: Shape, options: { affine?: boolean; relu?: boolean } = {}): Case<"batchNorm"> {
  const { affine = true, relu = false } = options;
  const c = [x[1]!];
  return {
    name: `${name(x)}${affine ? "" : " plain"}${relu ? " relu" : ""}`,
    attrs: { eps: 1e-5, ...(relu ? { relu } : {}) },
    shapes: [x, affine ? c : null, affine ? c : null, c, c],
    fill: ["normal", "normal", "normal", "normal", "positive"],
  };
}

export const batchNormCases: readonly Case<"batchNorm">[] = [
  ...shapes.filter((s) => s.length > 1).flatMap((s) => [batchNormRow(s), batchNormRow(s, { relu: true })]),
  batchNormRow([2, 7, 3, 3], { affine: false }),
  batchNormRow([3, 12, 4, 4], { affine: false, relu: true }),
  { ...batchNormRow([1, 64, 112, 112]), perf: true, where: "every ImageNet network" },
  { ...batchNormRow(big), perf: true, where: "resnet50" },
];

export const reluCases: readonly Case<"relu">[] = [
  ...shapes.map((s): Case<"relu"> => ({ name: name(s), attrs: {}, shapes: [s] })),
  { name: "special values", attrs: {}, shapes: [[2, 9, 5, 7]], fill: ["special"] },
  { name: name(big), attrs: {}, shapes: [big], perf: true },
];

export const addCases: readonly Case<"add">[] = [
  ...shapes.flatMap((s): Case<"add">[] => [
    { name: name(s), attrs: {}, shapes: [s, s] },
    { name: `${name(s)} relu`, attrs: { relu: true }, shapes: [s, s] },
  ]),
  {
    name: "special values",
    attrs: {},
    shapes: [
      [2, 9, 5, 7],
      [2, 9, 5, 7],
    ],
    fill: ["special", "special"],
  },
  {
    name: "special values relu",
    attrs: { relu: true },
    shapes: [
      [2, 9, 7],
      [2, 9, 7],
    ],
    fill: ["special", "special"],
  },
  { name: `${name(big)} relu`, attrs: { relu: true }, shapes: [big, big], perf: true, where: "resnet50" },
];

export const mulScalarCases: readonly Case<"mulScalar">[] = shapes.flatMap((s) =>
  [0.1, -3, 0].map(
    (factor): Case<"mulScalar"> => ({ name: `${name(s)} by ${factor}`, attrs: { factor }, shapes: [s] }),
  ),
);

export const softmaxCases: readonly Case<"softmax">[] = [false, true].flatMap((log) => {
  const suffix = log ? " log" : "";
  const row = (x: Shape, fill: "normal" | "large" | "ties", perf = false): Case<"softmax"> => ({
    name: `${name(x)} ${fill}${suffix}`,
    attrs: { log },
    shapes: [x],
    fill: [fill],
    ...(perf ? { perf: true } : {}),
  });
  return [
    ...[1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 17, 31, 33, 100].flatMap((k) => [row([3, k], "normal"), row([2, k], "large")]),
    row([5, 16], "ties"),
    row([0, 4], "normal"),
    row([4, 1000], "large"),
    row([128, 1000], "normal", true),
  ];
});
