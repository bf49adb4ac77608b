// Where packed weights lie that rows of V are multiplied by (groups.ts). They are read from one end to the other while a group of rows and a piece of its k stay in the
// first-level cache, so what is read together lies together: slabs of panels of 8 columns; of a slab the biases, then position after position
// (Winograd's points, Strassen's seven products); of a position pieces of k; of a piece panel after panel of [k][8].

/** Panels of a slab, at most. */
// @ts-expect-error: decorator
@inline
export const SLAB = 16;
/** k of a piece, at most. */
// @ts-expect-error: decorator
@inline
export const PIECE = 256;

/** How many panels the slab of `panel` has, of which it is number `inSlab`: `slab`, or what is left of `panels` for the last one. */
// @ts-expect-error: decorator
@inline
export function panelsOfSlab(slab: i32, panels: i32, panel: i32, inSlab: i32): i32 {
  return min(slab, panels - panel + inSlab);
}

/**
 * Bytes from the first weight of a slab of `all` panels to number `index` of k, of `panel` at a position of `k` numbers that has `before` in front of it.
 */
// @ts-expect-error: decorator
@inline
export function placeOf(all: i32, panel: i32, before: i32, k: i32, index: i32): usize {
  const piece = index & -PIECE;
  return (<usize>((before + piece) * all + panel * min(PIECE, k - piece) + index - piece)) << 5;
}
