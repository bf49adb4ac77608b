import type { OpName, Window } from "../backend/backend.ts";
import { ShapeError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import { formatShape, type Shape, sameShape } from "../tensor/shape.ts";

/** Throws unless `input` is there and has `rank` dimensions. */
export function needRank(
  op: OpName,
  what: string,
  input: Shape | null | undefined,
  rank: number,
  names: string,
): Shape {
  if (!input || input.length !== rank) {
    const got = input ? `shape ${formatShape(input)}` : "nothing";
    throw new ShapeError(op, `${what} must have ${rank} dimensions [${names}], got ${got}`);
  }
  return input;
}

/** Throws unless the optional `input` is null or has exactly this shape. */
export function needShape(op: OpName, what: string, input: Shape | null | undefined, expected: Shape): void {
  if (input && !sameShape(input, expected)) {
    throw new ShapeError(op, `${what} must have shape ${formatShape(expected)}, got ${formatShape(input)}`);
  }
}

/** Output size of a sliding window (PyTorch's formula, floor). @throws ShapeError when the window does not fit */
export function windowOutput(op: OpName, x: Shape, w: Window): [number, number] {
  const oh = Math.floor((x[2]! + 2 * w.padH - w.dilationH * (w.kernelH - 1) - 1) / w.strideH) + 1;
  const ow = Math.floor((x[3]! + 2 * w.padW - w.dilationW * (w.kernelW - 1) - 1) / w.strideW) + 1;
  if (oh < 1 || ow < 1) {
    throw new ShapeError(
      op,
      `a ${w.kernelH}x${w.kernelW} window (dilation ${w.dilationH}x${w.dilationW}) is larger than the padded input of shape ` +
        `${formatShape(x)} (padding ${w.padH}x${w.padW})`,
    );
  }
  return [oh, ow];
}

/** Numbers or pairs (rows, columns), as PyTorch's layers take them. */
export type Pair = number | readonly [number, number];

/** How a window moves over a picture: numbers, or pairs (rows, columns); stride and dilation 1, padding 0 by default (a pool's stride is its kernel). */
export interface WindowOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
}

export function pair(value: Pair): readonly [number, number] {
  return (value as readonly number[])?.length === 2
    ? (value as readonly [number, number])
    : [value as number, value as number];
}

/** A window from people's options to plain numbers. @throws ShapeError on sizes that make no sense, UnknownNameError */
export function window(op: OpName, kernel: Pair, options: WindowOptions, stride: Pair, further = ""): Window {
  checkOptions(op, options, `stride padding dilation${further}`);
  const [kernelH, kernelW] = pair(kernel);
  const [strideH, strideW] = pair(options.stride ?? stride);
  const [padH, padW] = pair(options.padding ?? 0);
  const [dilationH, dilationW] = pair(options.dilation ?? 1);
  const sizes = { kernelH, kernelW, strideH, strideW, dilationH, dilationW, padH, padW };
  for (const [name, v] of Object.entries(sizes)) {
    const least = name.startsWith("pad") ? 0 : 1;
    if (!Number.isInteger(v) || v < least)
      throw new ShapeError(op, `${name} must be a whole number of at least ${least}, got ${v}`);
  }
  return sizes;
}
