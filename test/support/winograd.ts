import type { Case } from "../cases/case.ts";
import { outputShape } from "./launch.ts";

/**
 * How much larger the numbers are that F(4x4, 3x3) adds up than those that the plain sum of 3x3 products does, for inputs and
 * weights with random signs: their rounding errors are larger by the same factor. From the matrices of Lavin and Gray,
 * arXiv 1509.09308, section 4.3.
 */
const inputRows = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const filterRows = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
const outputRows = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

const squares = (row: readonly number[]): number => row.reduce((sum, v) => sum + v * v, 0);

/** Mean square of what one output of a row of tiles adds up, in parts of the plain sum's three products; both axes alike. */
const worstRow = Math.max(
  ...outputRows.map(
    (row) => row.reduce((sum, a, i) => sum + a * a * squares(inputRows[i]!) * squares(filterRows[i]!), 0) / 3,
  ),
);

/**
 * The factor on `tolerance`: the root mean square along both axes, over 3, because sums run over c channels instead of 9c
 * products. It was worked out after one row (8x16x32x32 -> 16) had missed the plain tolerance at 1.13 of it; nothing but
 * rows that Winograd computes use it.
 */
export const winogradGrowth: number = worstRow / 3;

/** What src/backend/wasm/lower/chooseConv.ts asks for, or more. */
export function mayBeWinograd({ attrs: a, shapes }: Case<"conv2d">): boolean {
  const ones = [a.strideH, a.strideW, a.dilationH, a.dilationW, a.groups].every((v) => v === 1);
  return ones && a.kernelH === 3 && a.kernelW === 3 && Math.min(shapes[0]![1]!, shapes[1]![0]!) >= 16;
}

/** The same for an op that runs by itself: CIFAR's sizes only. */
export function isEagerWinograd(row: Case<"conv2d">): boolean {
  const [, , oh, ow] = outputShape("conv2d", row) as [number, number, number, number];
  return (
    mayBeWinograd(row) && Math.max(row.shapes[0]![1]!, row.shapes[1]![0]!) <= 64 && oh * ow >= 16 && oh * ow <= 1024
  );
}
