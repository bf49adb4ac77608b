import type { Shape } from "../../src/tensor/shape.ts";
import type { Case } from "./case.ts";

const channels = [1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 33];

function shortcut(x: Shape, stride: number, before: number, after: number): Case<"padShortcut"> {
  return { name: `${x.join("x")} s${stride} ${before}+${after}`, attrs: { stride, before, after }, shapes: [x] };
}

export const padShortcutCases: readonly Case<"padShortcut">[] = [
  ...channels.map((c) => shortcut([2, c, 6, 7], 2, Math.floor(c / 2), Math.ceil(c / 2))),
  shortcut([1, 5, 7, 9], 1, 0, 3),
  shortcut([1, 5, 7, 9], 3, 3, 0),
  shortcut([3, 4, 1, 1], 2, 2, 2),
  shortcut([1, 6, 5, 4], 2, 0, 0),
  shortcut([2, 4, 8, 8], 4, 1, 6),
  { ...shortcut([8, 16, 32, 32], 2, 8, 8), perf: true, where: "cifar, option A" },
  { ...shortcut([8, 32, 16, 16], 2, 16, 16), perf: true, where: "cifar, option A" },
];

function pad(x: Shape, [top, bottom, left, right]: readonly number[], value: number): Case<"pad2d"> {
  const attrs = { top: top!, bottom: bottom!, left: left!, right: right!, value };
  return { name: `${x.join("x")} ${top},${bottom},${left},${right} of ${value}`, attrs, shapes: [x] };
}

export const pad2dCases: readonly Case<"pad2d">[] = [
  ...channels.map((c) => pad([2, c, 3, 4], [1, 2, 3, 1], c % 2 === 0 ? 0 : -1.5)),
  pad([1, 3, 5, 5], [0, 0, 0, 0], 7),
  pad([1, 3, 5, 5], [4, 4, 4, 4], 0),
  pad([3, 2, 1, 6], [0, 3, 0, 0], 0.25),
  pad([3, 2, 6, 1], [0, 0, 5, 0], Number.NEGATIVE_INFINITY),
];

export const flattenCases: readonly Case<"flatten">[] = [
  ...channels.map((c): Shape => [2, c, 3, 5]),
  [1, 2048, 1, 1],
  [3, 1, 7, 7],
  [4, 6, 1, 9],
  [0, 4, 2, 2],
].map((x) => ({ name: x.join("x"), attrs: {}, shapes: [x] }));
