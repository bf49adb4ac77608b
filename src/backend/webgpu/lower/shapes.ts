import type { View, Window } from "../../backend.ts";

export function lengthOf(view: View): number {
  return view.shape.reduce((a, b) => a * b, 1);
}

/** The fields of a window that kernels know under the same names. */
export function windowParams(a: Window): Record<keyof Window, number> {
  const { kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW } = a;
  return { kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW };
}

export const flag = (on: unknown): number => (on ? 1 : 0);
export const up4 = (n: number): number => Math.ceil(n / 4) * 4;
