// The word `size` of a record: which of Winograd's forms it is. Constants where the argument is one.
//
//   size  filter                      pixels of an output tile   points along a side (the last one: infinity)
//   4     3x3                         4x4                        6
//   3     7x7, stride 2, 3 channels   3x3                        6, of four phases
//   5     3x3, stride 2               4x4                        5, of four phases

/** Pixels of an output tile along a side. */
// @ts-expect-error: decorator
@inline
export function sideOf(size: i32): i32 {
  return size == 5 ? 4 : size;
}

/** The last point, infinity; there is one more. */
// @ts-expect-error: decorator
@inline
export function lastPoint(size: i32): i32 {
  return size == 5 ? 4 : 5;
}

/** Positions of a tile in M. */
// @ts-expect-error: decorator
@inline
export function positionsOf(size: i32): usize {
  return <usize>((lastPoint(size) + 1) * (lastPoint(size) + 1));
}

// @ts-expect-error: decorator
@inline
export function hasPhases(size: i32): bool {
  return size == 3 || size == 5;
}
