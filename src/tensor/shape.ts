/** Sizes of a tensor's dimensions, outermost first; 4-D shapes are N,C,H,W. */
export type Shape = readonly number[];

/** Number of elements. */
export function numel(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** `[1, 3, 224, 224]`, as error messages and `toString` print it. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** True when every size is a whole number of at least zero and the element count is a safe integer. */
export function isShape(shape: Shape): boolean {
  return Boolean(shape?.every?.((d) => Number.isInteger(d) && d >= 0)) && Number.isSafeInteger(numel(shape));
}
