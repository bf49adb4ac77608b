// 3x3 stride 1 convolution by Winograd's F(4x4, 3x3) or F(2x2, 3x3) (Lavin and Gray, arXiv 1509.09308): an output tile of 4x4 (2x2)
// from an input tile of 6x6 (4x4) takes 36 (16) multiplications per channel pair instead of 144 (36). A block of tiles is one
// unit of work: its input is transformed into V, and for each panel of 8 output channels the products of all positions go to M,
// which stays in the first-level cache until the output transform, bias, residual and ReLU have turned it into pixels.
import {
  WINOGRAD_BLOCK_TILES, WINOGRAD_BLOCKS, WINOGRAD_C, WINOGRAD_CAPACITY, WINOGRAD_FUSED, WINOGRAD_H, WINOGRAD_OC, WINOGRAD_OH,
  WINOGRAD_OW, WINOGRAD_PAD_H, WINOGRAD_PAD_W, WINOGRAD_PANELS_PER_TILE, WINOGRAD_POSITION_STEP, WINOGRAD_RELU, WINOGRAD_RESIDUAL,
  WINOGRAD_SCRATCH, WINOGRAD_SCRATCH_STEP, WINOGRAD_SIZE, WINOGRAD_TILES, WINOGRAD_TILES_X, WINOGRAD_TILES_Y, WINOGRAD_U, WINOGRAD_V,
  WINOGRAD_V_STEP, WINOGRAD_W, WINOGRAD_X, WINOGRAD_Y,
} from "./generated/records";
import { groupRx8, ROWS } from "./micro";
import { inputTile2, outputTile2 } from "./winograd2";
import { inputTile4, outputTile4 } from "./winograd4";

// A worker's scratch memory: 36 vectors, 36 addresses, then zeros for what lies outside the picture, then M.
// @ts-expect-error: decorator
@inline
const POINTERS: usize = 576;
// @ts-expect-error: decorator
@inline
const ZEROS: usize = 768;

// @ts-expect-error: decorator
@inline
function channelBytes(c: i32): usize {
  return (<usize>((c + 3) & ~3)) << 2;
}

/** Where the pixels of an input tile begin; outside the picture, zeros. */
function pointers(r: usize, tile: i32, s: usize): void {
  const size = load<i32>(r, WINOGRAD_SIZE), edge = size + 2;
  const tilesX = load<i32>(r, WINOGRAD_TILES_X), tilesY = load<i32>(r, WINOGRAD_TILES_Y);
  const h = load<i32>(r, WINOGRAD_H), w = load<i32>(r, WINOGRAD_W), pixel = (<usize>load<i32>(r, WINOGRAD_C)) << 2;
  const row = tile / tilesX, tx = tile - row * tilesX, n = row / tilesY, ty = row - n * tilesY;
  const y0 = ty * size - load<i32>(r, WINOGRAD_PAD_H), x0 = tx * size - load<i32>(r, WINOGRAD_PAD_W);
  const x = load<usize>(r, WINOGRAD_X);
  let to = s + POINTERS;
  for (let i = 0; i < edge; i++) {
    const iy = y0 + i;
    for (let j = 0; j < edge; j++, to += 4) {
      const ix = x0 + j;
      const inside = <u32>iy < <u32>h && <u32>ix < <u32>w;
      store<usize>(to, inside ? x + <usize>((n * h + iy) * w + ix) * pixel : s + ZEROS);
    }
  }
}

/**
 * Rows of the next group of a block: the usual tile, and no end of a single row. A group of fewer than 4 is computed as one of 4,
 * the rest is thrown away. Strict: 5x8 where A is packed is as fast as 4x8, and wastes less.
 */
function groupRows(left: i32): i32 {
  if (ROWS == 5) return left == 4 || left == 8 || left == 12 || left == 16 || left < 5 ? 4 : 5;
  if (left > 14 || (left > 9 && left < 13) || left == 6) return 6;
  return left == 14 || left == 13 || left == 9 || left == 5 ? 5 : 4;
}

/** V of a block: for each position, groups of rows (tiles), within a group [c / 4][rows][4]. `size` is a constant. */
// @ts-expect-error: decorator
@inline
function transformInput(size: i32, r: usize, block: i32, s: usize, v: usize): void {
  const c = load<i32>(r, WINOGRAD_C), k = channelBytes(c), step = load<usize>(r, WINOGRAD_POSITION_STEP);
  const first = block * load<i32>(r, WINOGRAD_BLOCK_TILES);
  const count = min(load<i32>(r, WINOGRAD_BLOCK_TILES), load<i32>(r, WINOGRAD_TILES) - first);
  memory.fill(s + ZEROS, 0, k);
  for (let start = 0, rows = 0; start < count; start += rows, v += <usize>rows * k) {
    rows = groupRows(count - start);
    for (let t = 0; t < rows && start + t < count; t++) {
      pointers(r, first + start + t, s);
      const p = s + POINTERS;
      let to = v + ((<usize>t) << 4), offset: usize = 0;
      for (const whole = <usize>(c >> 2) << 4; offset < whole; offset += 16, to += (<usize>rows) << 4) {
        if (size == 4) inputTile4(p, s, offset, 4, to, step);
        else inputTile2(p, s, offset, 4, to, step);
      }
      if (offset == k) continue;
      if (size == 4) inputTile4(p, s, offset, c & 3, to, step);
      else inputTile2(p, s, offset, c & 3, to, step);
    }
  }
}

// @ts-expect-error: decorator
@inline
function outputTile(
  size: i32, s: usize, m: usize, step: usize, bias: v128, y: usize, residual: usize, relu: bool, lanes: i32,
  rows: i32, columns: i32, rowBytes: usize, pixelBytes: usize,
): void {
  if (size == 4) outputTile4(s, m, step, bias, y, residual, relu, lanes, rows, columns, rowBytes, pixelBytes);
  else outputTile2(s, m, step, bias, y, residual, relu, lanes, rows, columns, rowBytes, pixelBytes);
}

/** Pixels of all tiles of a block for one panel of output channels. `size` is a constant. */
// @ts-expect-error: decorator
@inline
function transformOutput(size: i32, r: usize, first: i32, count: i32, panel: i32, s: usize, m: usize, step: usize, biases: usize): void {
  const tilesX = load<i32>(r, WINOGRAD_TILES_X), tilesY = load<i32>(r, WINOGRAD_TILES_Y);
  const oh = load<i32>(r, WINOGRAD_OH), ow = load<i32>(r, WINOGRAD_OW), oc = load<i32>(r, WINOGRAD_OC);
  const pixelBytes = (<usize>oc) << 2, rowBytes = <usize>ow * pixelBytes;
  const relu = load<i32>(r, WINOGRAD_RELU) != 0, lanes = oc - (panel << 3);
  const y = load<usize>(r, WINOGRAD_Y), residual = load<usize>(r, WINOGRAD_RESIDUAL);
  const bias0 = v128.load(biases), bias1 = v128.load(biases, 16);
  for (let t = 0; t < count; t++, m += 32) {
    const tile = first + t, row = tile / tilesX, tx = tile - row * tilesX, n = row / tilesY, ty = row - n * tilesY;
    const oy = ty * size, ox = tx * size;
    const offset = <usize>((n * oh + oy) * ow + ox) * pixelBytes + ((<usize>panel) << 5);
    const rows = min(size, oh - oy), columns = min(size, ow - ox);
    const from = residual ? residual + offset : 0;
    if (lanes >= 8 && columns == size) {
      outputTile(size, s, m, step, bias0, y + offset, from, relu, 4, rows, size, rowBytes, pixelBytes);
      outputTile(size, s, m + 16, step, bias1, y + offset + 16, from ? from + 16 : 0, relu, 4, rows, size, rowBytes, pixelBytes);
      continue;
    }
    for (let half = 0; half < 2 && (half << 2) < lanes; half++) {
      const shift = (<usize>half) << 4;
      outputTile(
        size, s, m + shift, step, half ? bias1 : bias0, y + offset + shift, from ? from + shift : 0, relu, min(4, lanes - (half << 2)),
        rows, columns, rowBytes, pixelBytes,
      );
    }
  }
}

/** Only the input transform of a block, where the panels of few blocks are shared out among the workers. */
export function winogradInput(r: usize, block: i32, worker: i32): void {
  const s = load<usize>(r, WINOGRAD_SCRATCH) + <usize>worker * load<usize>(r, WINOGRAD_SCRATCH_STEP);
  const v = load<usize>(r, WINOGRAD_V) + <usize>block * load<usize>(r, WINOGRAD_V_STEP);
  if (load<i32>(r, WINOGRAD_SIZE) == 4) transformInput(4, r, block, s, v);
  else transformInput(2, r, block, s, v);
}

/** Output pixels of a block for some panels. `fused`: the input is transformed here, into memory of the worker's own. */
export function winograd(r: usize, tile: i32, worker: i32): void {
  if (load<i32>(r, WINOGRAD_SIZE) == 4) convolution(4, r, tile, worker);
  else convolution(2, r, tile, worker);
}

// @ts-expect-error: decorator
@inline
function convolution(size: i32, r: usize, tile: i32, worker: i32): void {
  const positions: usize = size == 4 ? 36 : 16;
  const blocks = load<i32>(r, WINOGRAD_BLOCKS), share = tile / blocks, block = tile - share * blocks;
  const s = load<usize>(r, WINOGRAD_SCRATCH) + <usize>worker * load<usize>(r, WINOGRAD_SCRATCH_STEP);
  const fused = load<i32>(r, WINOGRAD_FUSED) != 0;
  const v = load<usize>(r, WINOGRAD_V) + <usize>(fused ? worker : block) * load<usize>(r, WINOGRAD_V_STEP);
  if (fused) transformInput(size, r, block, s, v);
  const k = channelBytes(load<i32>(r, WINOGRAD_C)), capacity = load<i32>(r, WINOGRAD_CAPACITY);
  const first = block * load<i32>(r, WINOGRAD_BLOCK_TILES);
  const count = min(load<i32>(r, WINOGRAD_BLOCK_TILES), load<i32>(r, WINOGRAD_TILES) - first);
  const panels = (load<i32>(r, WINOGRAD_OC) + 7) >> 3, perTile = load<i32>(r, WINOGRAD_PANELS_PER_TILE);
  const vStep = load<usize>(r, WINOGRAD_POSITION_STEP), mStep = (<usize>capacity) << 5, uStep = k << 3;
  const m = s + ZEROS + k, end = min((share + 1) * perTile, panels);
  for (let panel = share * perTile; panel < end; panel++) {
    const u = load<usize>(r, WINOGRAD_U) + <usize>panel * (positions * uStep + 32);
    let a = v, b = u + 32, to = m;
    for (let i: usize = 0; i < positions; i++, a += vStep, b += uStep, to += mStep) product(a, k, count, b, to);
    transformOutput(size, r, first, count, panel, s, m, mStep, u);
  }
}

/** Groups of rows of V times a panel. */
function product(a: usize, k: usize, count: i32, b: usize, to: usize): void {
  const end = b + (k << 3);
  for (let start = 0, rows = 0; start < count; start += rows) {
    rows = groupRows(count - start);
    if (ROWS > 5 && rows > 5) groupRx8(6, a, b, end, to);
    else if (rows > 4) groupRx8(5, a, b, end, to);
    else groupRx8(4, a, b, end, to);
    a += <usize>rows * k;
    to += (<usize>rows) << 5;
  }
}
