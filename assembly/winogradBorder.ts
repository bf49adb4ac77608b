// Tiles of output that stick out of the picture need fewer points. Where two of four results are left, F(2, 3) takes four of F(4, 3)'s six points
// (0, 1, -1, infinity), and of stride 2 F(2, 2) three of F(4, 2)'s five (0, 1, infinity): the same filters times constants, which
// the input transform makes up for. Their results are the first and the last of the full tile's, with nothing at the points that are not there. Where one
// or three results are left, the last row needs no infinity. So a position has rows of V and M for the tiles only that need it.
//
// Positions are of four classes: bit 0, columns of points that tiles at the right do not have; bit 1, rows that tiles at the bottom do not have.
import {
  WINOGRAD_OH, WINOGRAD_OW, WINOGRAD_TILES_X, WINOGRAD_TILES_Y,
} from "./generated/records";
import { groupRows } from "./groups";
import { lastPoint, sideOf } from "./winogradSizes";

/** Whether tiles at the right have two results of four. */
// @ts-expect-error: decorator
@inline
export function halfAtRight(size: i32, r: usize): bool {
  return size != 3 && load<i32>(r, WINOGRAD_OW) % 4 == 2;
}

/** The same of tiles at the bottom. */
// @ts-expect-error: decorator
@inline
export function halfAtBottom(size: i32, r: usize): bool {
  return size != 3 && load<i32>(r, WINOGRAD_OH) % 4 == 2;
}

/** Whether points `i` are not those of half a tile: 2 and -2, of stride 2 (size 5) -1 and 2. */
// @ts-expect-error: decorator
@inline
export function wholeOnly(size: i32, i: i32): bool {
  return i < lastPoint(size) && i >= lastPoint(size) - 2;
}

/** How many of the tiles in front of `tile` have the points of a class. */
export function tilesBefore(r: usize, size: i32, tile: i32, kind: i32): i32 {
  const x = load<i32>(r, WINOGRAD_TILES_X), y = load<i32>(r, WINOGRAD_TILES_Y), picture = tile / (x * y), rest = tile - picture * x * y;
  const lessX = kind & 1 && halfAtRight(size, r) ? 1 : 0, lessY = kind & 2 && load<i32>(r, WINOGRAD_OH) % sideOf(size) ? 1 : 0;
  const inside = min(rest, (y - lessY) * x), row = inside / x;
  return picture * (x - lessX) * (y - lessY) + row * (x - lessX) + min(inside - row * x, x - lessX);
}

// Where in V the next tile of a class goes ([groups][k / 4][rows][4]): its address, from four channels to the next, rows left of its group, and of all.
// @ts-expect-error: decorator
@inline
const LINE: usize = 4;
// @ts-expect-error: decorator
@inline
const LEFT: usize = 8;
// @ts-expect-error: decorator
@inline
const COUNT: usize = 12;
// @ts-expect-error: decorator
@inline
const PLACE: usize = 16;

/** The four places of a block of tiles, at `at`. */
export function startPlaces(r: usize, size: i32, at: usize, v: usize, first: i32, end: i32): void {
  for (let kind = 0; kind < 4; kind++, at += PLACE) {
    const count = tilesBefore(r, size, end, kind) - tilesBefore(r, size, first, kind), rows = groupRows(count);
    store<usize>(at, v);
    store<i32>(at, rows << 4, LINE);
    store<i32>(at, rows, LEFT);
    store<i32>(at, count - rows, COUNT);
  }
}

/** Goes on to the next tile where a tile has been: `right` and `bottom` say which classes' points it does not have. A row of V has `bytes`. */
export function stepPlaces(at: usize, bytes: usize, right: bool, bottom: bool): void {
  for (let kind = 0; kind < 4; kind++, at += PLACE) {
    if ((kind & 1 && right) || (kind & 2 && bottom)) continue;
    const left = load<i32>(at, LEFT) - 1;
    let to = load<usize>(at) + 16;
    if (!left) {
      const count = load<i32>(at, COUNT), rows = groupRows(count);
      to += (load<usize>(at, LINE) >> 4) * (bytes - 16);
      store<i32>(at, rows << 4, LINE);
      store<i32>(at, count - rows, COUNT);
      store<i32>(at, rows, LEFT);
    } else store<i32>(at, left, LEFT);
    store<usize>(at, to);
  }
}
