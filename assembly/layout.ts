// Kernels that move values without computing.
import {
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

/** [rows][columns] to [columns][rows]; a tile is an image. */
export function transpose(r: usize, tile: i32): void {
  const rows = load<i32>(r, TRANSPOSE_ROWS), columns = load<i32>(r, TRANSPOSE_COLUMNS);
  const image = (<usize>tile * rows * columns) << 2, step = <usize>rows << 2;
  let x = load<usize>(r, TRANSPOSE_X) + image;
  for (let i = 0; i < rows; i++) {
    let y = load<usize>(r, TRANSPOSE_Y) + image + (i << 2);
    for (let j = 0; j < columns; j++, x += 4, y += step) f32.store(y, f32.load(x));
  }
}
