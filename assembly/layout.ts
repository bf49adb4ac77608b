// Kernels that move values without computing.
import {
  NOT_FINITE_FLAG, NOT_FINITE_LENGTH, NOT_FINITE_PER_TILE, NOT_FINITE_X,
  PAD_C, PAD_H, PAD_LEFT, PAD_OH, PAD_OW, PAD_SHORTCUT_BEFORE, PAD_SHORTCUT_C, PAD_SHORTCUT_H, PAD_SHORTCUT_OC, PAD_SHORTCUT_OH,
  PAD_SHORTCUT_OW, PAD_SHORTCUT_STRIDE, PAD_SHORTCUT_W, PAD_SHORTCUT_X, PAD_SHORTCUT_Y, PAD_TOP, PAD_VALUE, PAD_W, PAD_X, PAD_Y,
  TRANSPOSE_COLUMNS, TRANSPOSE_ROWS, TRANSPOSE_X, TRANSPOSE_Y,
} from "./generated/records";

// @ts-expect-error: decorator
@inline
function fill(at: usize, end: usize, value: f32): void {
  for (; at < end; at += 4) f32.store(at, value);
}

/** A picture into a larger one; a tile is an output row of one image. */
export function pad(r: usize, tile: i32): void {
  const h = load<i32>(r, PAD_H), w = load<i32>(r, PAD_W), c = load<i32>(r, PAD_C), oh = load<i32>(r, PAD_OH), ow = load<i32>(r, PAD_OW);
  const left = load<i32>(r, PAD_LEFT), value = f32.load(r, PAD_VALUE);
  const n = tile / oh, iy = tile - n * oh - load<i32>(r, PAD_TOP);
  const y = load<usize>(r, PAD_Y) + ((<usize>tile * ow * c) << 2), end = y + ((<usize>ow * c) << 2);
  if (iy < 0 || iy >= h) {
    fill(y, end, value);
    return;
  }
  const from = y + ((<usize>left * c) << 2), bytes = (<usize>w * c) << 2;
  fill(y, from, value);
  memory.copy(from, load<usize>(r, PAD_X) + (<usize>(n * h + iy) * bytes), bytes);
  fill(from + bytes, end, value);
}

/** Every stride-th pixel with zero channels around it; a tile is an output row. */
export function padShortcut(r: usize, tile: i32): void {
  const h = load<i32>(r, PAD_SHORTCUT_H), w = load<i32>(r, PAD_SHORTCUT_W), c = load<i32>(r, PAD_SHORTCUT_C);
  const oh = load<i32>(r, PAD_SHORTCUT_OH), ow = load<i32>(r, PAD_SHORTCUT_OW), oc = load<i32>(r, PAD_SHORTCUT_OC);
  const stride = load<i32>(r, PAD_SHORTCUT_STRIDE), n = tile / oh, oy = tile - n * oh;
  const bytes = <usize>c << 2, outBytes = <usize>oc << 2, before = <usize>load<i32>(r, PAD_SHORTCUT_BEFORE) << 2;
  let x = load<usize>(r, PAD_SHORTCUT_X) + <usize>((n * h + oy * stride) * w) * bytes;
  let y = load<usize>(r, PAD_SHORTCUT_Y) + <usize>(tile * ow) * outBytes;
  for (let ox = 0; ox < ow; ox++) {
    memory.fill(y, 0, before);
    memory.copy(y + before, x, bytes);
    memory.fill(y + before + bytes, 0, outBytes - before - bytes);
    x += <usize>stride * bytes;
    y += outBytes;
  }
}

/** [rows][columns] to [columns][rows], four rows at a time; a tile is an image. */
export function transpose(r: usize, tile: i32): void {
  const rows = load<i32>(r, TRANSPOSE_ROWS), columns = load<i32>(r, TRANSPOSE_COLUMNS);
  const image = (<usize>tile * rows * columns) << 2, step = <usize>rows << 2, row = <usize>columns << 2;
  let x = load<usize>(r, TRANSPOSE_X) + image, to = load<usize>(r, TRANSPOSE_Y) + image, i = 0;
  for (; i + 4 <= rows; i += 4, x += row << 2, to += 16) {
    let y = to;
    for (let from = x, end = x + row; from < end; from += 4, y += step) {
      let v = v128.load32_zero(from);
      v = v128.load32_lane(from + row, v, 1);
      v = v128.load32_lane(from + 2 * row, v, 2);
      v128.store(y, v128.load32_lane(from + 3 * row, v, 3));
    }
  }
  for (; i < rows; i++, x += row, to += 4) {
    let y = to;
    for (let from = x, end = x + row; from < end; from += 4, y += step) f32.store(y, f32.load(from));
  }
}

/** Whether a value is NaN or infinite: all bits of its exponent are set. */
export function notFinite(r: usize, tile: i32): void {
  const length = load<i32>(r, NOT_FINITE_LENGTH), perTile = load<i32>(r, NOT_FINITE_PER_TILE), first = tile * perTile;
  let x = load<usize>(r, NOT_FINITE_X) + (<usize>first << 2);
  const end = x + (<usize>min(perTile, length - first) << 2), mask = i32x4.splat(0x7f800000);
  let found = i32x4.splat(0);
  for (; x + 16 <= end; x += 16) found = v128.or(found, i32x4.eq(v128.and(v128.load(x), mask), mask));
  for (; x < end; x += 4) found = v128.or(found, i32x4.eq(v128.and(v128.load32_zero(x), mask), mask));
  if (v128.any_true(found)) store<i32>(load<usize>(r, NOT_FINITE_FLAG), 1);
}
