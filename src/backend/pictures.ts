import type { Shape } from "../tensor/shape.ts";
import type { Window } from "./backend.ts";

/** A 4-D shape as numbers; a 2-D one is a picture of one pixel. */
export function nchw(shape: Shape): [n: number, c: number, h: number, w: number] {
  const [n, c, h = 1, w = 1] = shape as readonly number[] as [number, number, number?, number?];
  return [n, c, h, w];
}

/** Of a 1x1 convolution. */
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
