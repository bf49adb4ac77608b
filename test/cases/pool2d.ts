import type { OpAttrs } from "../../src/backend/backend.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { type Case, type Filling, type WindowSpec, windowAttrs, windowName } from "./case.ts";

type Spec = WindowSpec & { readonly x: Shape };

function specs(): Spec[] {
  const found: Spec[] = [];
  for (const c of [1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 31, 33]) {
    found.push({ x: [2, c, 7, 6], k: 3, stride: 2, pad: 1 }, { x: [1, c, 5, 8], k: 2, stride: 2 });
  }
  for (const k of [1, 2, 3, 4, 5, 6, 7]) {
    for (const stride of [1, 2, 3]) {
      for (const pad of new Set([0, Math.floor(k / 2)])) found.push({ x: [1, 6, 9, 11], k, stride, pad });
    }
  }
  for (const k of [
    [1, 3],
    [3, 1],
    [2, 3],
    [5, 2],
  ] as const) {
    found.push({ x: [3, 5, 8, 9], k, stride: [2, 1] }, { x: [1, 4, 9, 8], k, stride: [1, 3], pad: [0, 1] as const });
  }
  for (const size of [1, 2, 3, 4, 5, 8]) found.push({ x: [5, 8, size, size], k: 3, stride: 2, pad: 1 });
  return found.filter(({ k, pad = 0 }) => {
    const [kh, kw] = typeof k === "number" ? [k, k] : k;
    const [ph, pw] = typeof pad === "number" ? [pad, pad] : pad;
    return 2 * ph <= kh && 2 * pw <= kw;
  });
}

const stem: Spec = { x: [1, 64, 112, 112], k: 3, stride: 2, pad: 1 };
const name = (spec: Spec): string => `${spec.x.join("x")}  ${windowName(spec)}`;

function maxRow(spec: Spec, fill: Filling = "normal", extra: Partial<Case<"maxPool2d">> = {}): Case<"maxPool2d"> {
  const label = fill === "normal" ? name(spec) : `${name(spec)} ${fill}`;
  return { name: label, attrs: windowAttrs(spec), shapes: [spec.x], fill: [fill], ...extra };
}

function avgRow(spec: Spec, countIncludePad: boolean, extra: Partial<Case<"avgPool2d">> = {}): Case<"avgPool2d"> {
  const label = countIncludePad ? name(spec) : `${name(spec)} pad not counted`;
  return { name: label, attrs: { ...windowAttrs(spec), countIncludePad }, shapes: [spec.x], ...extra };
}

export const maxPool2dCases: readonly Case<"maxPool2d">[] = [
  ...specs().map((spec) => maxRow(spec)),
  ...[1, 3, 4, 8, 9].flatMap((c) => {
    const spec: Spec = { x: [1, c, 9, 9], k: 3, stride: 2, pad: 1 };
    return [maxRow(spec, "special"), maxRow(spec, "ties")];
  }),
  maxRow({ x: [1, 5, 12, 13], k: 3, stride: 1, pad: 1, dilation: 2 }),
  maxRow({ x: [2, 4, 12, 13], k: [2, 3], stride: 2, pad: 1, dilation: [3, 1] }),
  maxRow({ x: [0, 4, 6, 6], k: 3, stride: 2, pad: 1 }),
  maxRow(stem, "normal", { perf: true, where: "every ImageNet network" }),
];

export const avgPool2dCases: readonly Case<"avgPool2d">[] = [
  ...specs().map((spec) => avgRow(spec, true)),
  ...specs()
    .filter((spec) => spec.pad !== undefined && spec.pad !== 0)
    .map((spec) => avgRow(spec, false)),
  avgRow({ x: [1, 256, 56, 56], k: 2, stride: 2 }, true, { perf: true, where: "resnet50-d shortcuts" }),
];

function adaptive<K extends "adaptiveAvgPool2d" | "adaptiveMaxPool2d">(
  sizes: readonly (readonly [x: Shape, oh: number, ow: number])[],
  fills: readonly Filling[],
): Case<K>[] {
  return sizes.flatMap(([x, oh, ow]) =>
    fills.map((fill) => ({
      name: `${x.join("x")} -> ${oh}x${ow}${fill === "normal" ? "" : ` ${fill}`}`,
      attrs: {} as OpAttrs[K],
      shapes: [x],
      output: [x[0]!, x[1]!, oh, ow],
      fill: [fill],
    })),
  );
}

const adaptiveSizes = [
  ...[1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 31, 33].map((c) => [[2, c, 7, 7], 1, 1] as const),
  [[1, 6, 1, 1], 1, 1],
  [[3, 5, 8, 8], 4, 4],
  [[1, 5, 7, 9], 3, 2],
  [[1, 9, 10, 13], 7, 7],
  [[1, 3, 2, 3], 5, 4],
  [[5, 4, 1, 9], 1, 5],
] as const;

export const adaptiveAvgPool2dCases: readonly Case<"adaptiveAvgPool2d">[] = [
  ...adaptive<"adaptiveAvgPool2d">(adaptiveSizes, ["normal"]),
  ...adaptive<"adaptiveAvgPool2d">([[[1, 512, 7, 7], 1, 1]], ["normal"]).map((r) => ({
    ...r,
    perf: true as const,
    where: "resnet18/34",
  })),
  ...adaptive<"adaptiveAvgPool2d">([[[1, 2048, 7, 7], 1, 1]], ["normal"]).map((r) => ({
    ...r,
    perf: true as const,
    where: "resnet50",
  })),
];

export const adaptiveMaxPool2dCases: readonly Case<"adaptiveMaxPool2d">[] = adaptive(adaptiveSizes, [
  "normal",
  "ties",
  "special",
]);
