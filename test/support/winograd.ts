import type { Case } from "../cases/case.ts";
import { outputShape } from "./launch.ts";

/**
 * The factor on `tolerance` for rows that Winograd's F(4x4, 3x3) computes, and for nothing else. The tolerance counts the roundings of a
 * plain sum; Winograd adds up larger numbers (for the fourth row of its output transform the mean square is 10.5 times the plain
 * sum's, from the matrices of Lavin and Gray, arXiv 1509.09308, section 4.3), so some of its outputs miss it. This is measured, not
 * derived: over all outputs of all such rows the farthest was 1.11 of the plain tolerance forwards (2x16x13x14 -> 20). The suites print
 * how far the farthest row is.
 */
export const winogradAllowance = 2;

/**
 * What src/backend/wasm/lower/chooseConv.ts asks for, or more. Weight gradients take Winograd from 8 channels on. Not stride 2: its rows keep
 * the plain tolerance.
 */
export function mayBeWinograd({ attrs: a, shapes }: Case<"conv2d">, channels = 16): boolean {
  const ones = [a.strideH, a.strideW, a.dilationH, a.dilationW, a.groups].every((v) => v === 1);
  const fours = channels < 16 || shapes[0]![1]! % 4 === 0;
  return ones && fours && a.kernelH === 3 && a.kernelW === 3 && Math.min(shapes[0]![1]!, shapes[1]![0]!) >= channels;
}

/** The same for an op that runs by itself: CIFAR's sizes only. */
export function isEagerWinograd(row: Case<"conv2d">): boolean {
  const [, , oh, ow] = outputShape("conv2d", row) as [number, number, number, number];
  return (
    mayBeWinograd(row) && Math.max(row.shapes[0]![1]!, row.shapes[1]![0]!) <= 64 && oh * ow >= 16 && oh * ow <= 1024
  );
}
