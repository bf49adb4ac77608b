import type { Shape } from "../../../tensor/shape.ts";
import type { View, Window } from "../../backend.ts";

/** A 4-D shape as numbers; a 2-D one is a picture of one pixel. */
export function nchw(shape: Shape): [n: number, c: number, h: number, w: number] {
  const [n, c, h = 1, w = 1] = shape as readonly number[] as [number, number, number?, number?];
  return [n, c, h, w];
}

export function lengthOf(view: View): number {
  return view.shape.reduce((a, b) => a * b, 1);
}

export const onePixel: Window = {
  kernelH: 1,
  kernelW: 1,
  strideH: 1,
  strideW: 1,
  padH: 0,
  padW: 0,
  dilationH: 1,
  dilationW: 1,
};

/** The fields of a window that kernels know under the same names. */
export function windowParams(a: Window): Record<keyof Window, number> {
  const { kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW } = a;
  return { kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW };
}

export const flag = (on: unknown): number => (on ? 1 : 0);
export const up4 = (n: number): number => Math.ceil(n / 4) * 4;
