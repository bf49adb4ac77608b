// 3x3 stride 1 convolution by Winograd's F(4x4, 3x3) (Lavin and Gray, arXiv 1509.09308): an output tile of 4x4 from an input
// tile of 6x6 takes 36 multiplications per channel pair instead of 144. A block of tiles is one unit of work: its input is
// transformed into V, and for each panel of 8 output channels the 36 products go to M, which stays in the first-level cache
// until the output transform, bias, residual and ReLU have turned it into pixels.
import {
  WINOGRAD_BLOCK_TILES, WINOGRAD_BLOCKS, WINOGRAD_C, WINOGRAD_CAPACITY, WINOGRAD_FUSED, WINOGRAD_H, WINOGRAD_OC, WINOGRAD_OH,
  WINOGRAD_OW, WINOGRAD_PAD_H, WINOGRAD_PAD_W, WINOGRAD_PANELS_PER_TILE, WINOGRAD_POSITION_STEP, WINOGRAD_RELU, WINOGRAD_RESIDUAL, WINOGRAD_SCRATCH,
  WINOGRAD_SCRATCH_STEP, WINOGRAD_TILES, WINOGRAD_TILES_X, WINOGRAD_TILES_Y, WINOGRAD_U, WINOGRAD_V, WINOGRAD_V_STEP,
  WINOGRAD_W, WINOGRAD_X, WINOGRAD_Y,
} from "./generated/records";
import { groupRx8, ROWS } from "./micro";
import { loadLanes, madd, nmadd, relu4, storeLanes } from "./simd";

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

/** Bᵀd of six vectors `step` bytes apart, stored `out` bytes apart. */
// @ts-expect-error: decorator
@inline
function inputColumn(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, step: usize): void {
  const four = f32x4.splat(4), five = f32x4.splat(5), two = f32x4.splat(2);
  v128.store(to, madd(four, d0, nmadd(five, d2, d4)));
  const a = nmadd(four, d2, d4), b = nmadd(four, d1, d3);
  v128.store(to + step, f32x4.add(a, b));
  v128.store(to + 2 * step, f32x4.sub(a, b));
  const e = f32x4.sub(d4, d2), f = f32x4.sub(d3, d1);
  v128.store(to + 3 * step, madd(two, f, e));
  v128.store(to + 4 * step, nmadd(two, f, e));
  v128.store(to + 5 * step, madd(four, d1, nmadd(five, d3, d5)));
}

/** Where the 36 pixels of an input tile begin; outside the picture, zeros. */
function pointers(r: usize, tile: i32, s: usize): void {
  const tilesX = load<i32>(r, WINOGRAD_TILES_X), tilesY = load<i32>(r, WINOGRAD_TILES_Y);
  const h = load<i32>(r, WINOGRAD_H), w = load<i32>(r, WINOGRAD_W), pixel = (<usize>load<i32>(r, WINOGRAD_C)) << 2;
  const row = tile / tilesX, tx = tile - row * tilesX, n = row / tilesY, ty = row - n * tilesY;
  const y0 = (ty << 2) - load<i32>(r, WINOGRAD_PAD_H), x0 = (tx << 2) - load<i32>(r, WINOGRAD_PAD_W);
  const x = load<usize>(r, WINOGRAD_X);
  let to = s + POINTERS;
  for (let i = 0; i < 6; i++) {
    const iy = y0 + i;
    for (let j = 0; j < 6; j++, to += 4) {
      const ix = x0 + j;
      const inside = <u32>iy < <u32>h && <u32>ix < <u32>w;
      store<usize>(to, inside ? x + <usize>((n * h + iy) * w + ix) * pixel : s + ZEROS);
    }
  }
}

/** Four channels (`lanes` of them are there) of an input tile, to V: 36 vectors `step` bytes apart. */
// @ts-expect-error: decorator
@inline
function inputTile(s: usize, offset: usize, lanes: i32, to: usize, step: usize): void {
  let p = s + POINTERS, t = s;
  for (let j = 0; j < 6; j++, p += 4, t += 16) {
    inputColumn(
      loadLanes(load<usize>(p) + offset, lanes), loadLanes(load<usize>(p, 24) + offset, lanes),
      loadLanes(load<usize>(p, 48) + offset, lanes), loadLanes(load<usize>(p, 72) + offset, lanes),
      loadLanes(load<usize>(p, 96) + offset, lanes), loadLanes(load<usize>(p, 120) + offset, lanes), t, 96,
    );
  }
  t = s;
  for (let i = 0; i < 6; i++, t += 96, to += 6 * step) {
    inputColumn(
      v128.load(t), v128.load(t, 16), v128.load(t, 32), v128.load(t, 48), v128.load(t, 64), v128.load(t, 80), to, step,
    );
  }
}

/**
 * Rows of the next group of a block: the usual tile, and no end of a single row. A group of fewer than 4 is computed as one of 4,
 * the rest is thrown away. Strict: 5x8 where A is packed is as fast as 4x8, and wastes less.
 */
function groupRows(left: i32): i32 {
  if (ROWS == 4) return left == 4 || left == 8 || left == 12 || left == 16 || left < 5 ? 4 : 5;
  if (left > 14 || (left > 9 && left < 13) || left == 6) return 6;
  return left == 14 || left == 13 || left == 9 || left == 5 ? 5 : 4;
}

/** V of a block: for each of 36 positions, groups of rows (tiles), within a group [c / 4][rows][4]. */
function transformInput(r: usize, block: i32, s: usize, v: usize): void {
  const c = load<i32>(r, WINOGRAD_C), k = channelBytes(c), step = load<usize>(r, WINOGRAD_POSITION_STEP);
  const first = block * load<i32>(r, WINOGRAD_BLOCK_TILES);
  const count = min(load<i32>(r, WINOGRAD_BLOCK_TILES), load<i32>(r, WINOGRAD_TILES) - first);
  memory.fill(s + ZEROS, 0, k);
  for (let start = 0, rows = 0; start < count; start += rows, v += <usize>rows * k) {
    rows = groupRows(count - start);
    for (let t = 0; t < rows && start + t < count; t++) {
      pointers(r, first + start + t, s);
      let to = v + ((<usize>t) << 4), offset: usize = 0;
      for (const whole = <usize>(c >> 2) << 4; offset < whole; offset += 16, to += (<usize>rows) << 4) inputTile(s, offset, 4, to, step);
      if (offset < k) inputTile(s, offset, c & 3, to, step);
    }
  }
}

/** Aᵀm of six vectors; four results, 96 bytes apart. */
// @ts-expect-error: decorator
@inline
function outputColumn(m: usize, step: usize, to: usize): void {
  const m1 = v128.load(m + step), m2 = v128.load(m + 2 * step), m3 = v128.load(m + 3 * step), m4 = v128.load(m + 4 * step);
  const a = f32x4.add(m1, m2), b = f32x4.sub(m1, m2), c = f32x4.add(m3, m4), d = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(v128.load(m), a), c));
  v128.store(to, madd(f32x4.splat(2), d, b), 96);
  v128.store(to, madd(f32x4.splat(4), c, a), 192);
  v128.store(to, f32x4.add(madd(f32x4.splat(8), d, b), v128.load(m + 5 * step)), 288);
}

// @ts-expect-error: decorator
@inline
function pixel(y: usize, residual: usize, relu: bool, lanes: i32, v: v128): void {
  if (residual) v = f32x4.add(v, loadLanes(residual, lanes));
  if (relu) v = relu4(v);
  storeLanes(y, v, lanes);
}

/** Four channels of an output tile: M (36 vectors `step` apart) to at most 4x4 pixels. */
// @ts-expect-error: decorator
@inline
function outputTile(
  s: usize, m: usize, step: usize, bias: v128, y: usize, residual: usize, relu: bool, lanes: i32,
  rows: i32, columns: i32, rowBytes: usize, pixelBytes: usize,
): void {
  for (let j: usize = 0; j < 6; j++) outputColumn(m + j * step, 6 * step, s + (j << 4));
  for (let i = 0; i < rows; i++) {
    const t = s + <usize>i * 96;
    const m1 = v128.load(t, 16), m2 = v128.load(t, 32), m3 = v128.load(t, 48), m4 = v128.load(t, 64);
    const a = f32x4.add(m1, m2), b = f32x4.sub(m1, m2), c = f32x4.add(m3, m4), d = f32x4.sub(m3, m4);
    let at = y, from = residual;
    pixel(at, from, relu, lanes, f32x4.add(f32x4.add(f32x4.add(v128.load(t), a), c), bias));
    if (columns > 1) {
      at += pixelBytes;
      if (from) from += pixelBytes;
      pixel(at, from, relu, lanes, f32x4.add(madd(f32x4.splat(2), d, b), bias));
    }
    if (columns > 2) {
      at += pixelBytes;
      if (from) from += pixelBytes;
      pixel(at, from, relu, lanes, f32x4.add(madd(f32x4.splat(4), c, a), bias));
    }
    if (columns > 3) {
      at += pixelBytes;
      if (from) from += pixelBytes;
      pixel(at, from, relu, lanes, f32x4.add(f32x4.add(madd(f32x4.splat(8), d, b), v128.load(t, 80)), bias));
    }
    y += rowBytes;
    if (residual) residual += rowBytes;
  }
}

/** Pixels of all tiles of a block for one panel of output channels. */
function transformOutput(r: usize, first: i32, count: i32, panel: i32, s: usize, m: usize, step: usize, biases: usize): void {
  const tilesX = load<i32>(r, WINOGRAD_TILES_X), tilesY = load<i32>(r, WINOGRAD_TILES_Y);
  const oh = load<i32>(r, WINOGRAD_OH), ow = load<i32>(r, WINOGRAD_OW), oc = load<i32>(r, WINOGRAD_OC);
  const pixelBytes = (<usize>oc) << 2, rowBytes = <usize>ow * pixelBytes;
  const relu = load<i32>(r, WINOGRAD_RELU) != 0, lanes = oc - (panel << 3);
  const y = load<usize>(r, WINOGRAD_Y), residual = load<usize>(r, WINOGRAD_RESIDUAL);
  const bias0 = v128.load(biases), bias1 = v128.load(biases, 16);
  for (let t = 0; t < count; t++, m += 32) {
    const tile = first + t, row = tile / tilesX, tx = tile - row * tilesX, n = row / tilesY, ty = row - n * tilesY;
    const oy = ty << 2, ox = tx << 2;
    const offset = <usize>((n * oh + oy) * ow + ox) * pixelBytes + ((<usize>panel) << 5);
    const rows = min(4, oh - oy), columns = min(4, ow - ox);
    const from = residual ? residual + offset : 0;
    if (lanes >= 8 && columns == 4) {
      outputTile(s, m, step, bias0, y + offset, from, relu, 4, rows, 4, rowBytes, pixelBytes);
      outputTile(s, m + 16, step, bias1, y + offset + 16, from ? from + 16 : 0, relu, 4, rows, 4, rowBytes, pixelBytes);
      continue;
    }
    for (let half = 0; half < 2 && (half << 2) < lanes; half++) {
      const shift = (<usize>half) << 4;
      outputTile(
        s, m + shift, step, half ? bias1 : bias0, y + offset + shift, from ? from + shift : 0, relu, min(4, lanes - (half << 2)),
        rows, columns, rowBytes, pixelBytes,
      );
    }
  }
}

/** Only the input transform of a block, where the panels of few blocks are shared out among the workers. */
export function winogradInput(r: usize, block: i32, worker: i32): void {
  const s = load<usize>(r, WINOGRAD_SCRATCH) + <usize>worker * load<usize>(r, WINOGRAD_SCRATCH_STEP);
  transformInput(r, block, s, load<usize>(r, WINOGRAD_V) + <usize>block * load<usize>(r, WINOGRAD_V_STEP));
}

/** Output pixels of a block for some panels. `fused`: the input is transformed here, into memory of the worker's own. */
export function winograd(r: usize, tile: i32, worker: i32): void {
  const blocks = load<i32>(r, WINOGRAD_BLOCKS), share = tile / blocks, block = tile - share * blocks;
  const s = load<usize>(r, WINOGRAD_SCRATCH) + <usize>worker * load<usize>(r, WINOGRAD_SCRATCH_STEP);
  const fused = load<i32>(r, WINOGRAD_FUSED) != 0;
  const v = load<usize>(r, WINOGRAD_V) + <usize>(fused ? worker : block) * load<usize>(r, WINOGRAD_V_STEP);
  if (fused) transformInput(r, block, s, v);
  const k = channelBytes(load<i32>(r, WINOGRAD_C)), capacity = load<i32>(r, WINOGRAD_CAPACITY);
  const first = block * load<i32>(r, WINOGRAD_BLOCK_TILES);
  const count = min(load<i32>(r, WINOGRAD_BLOCK_TILES), load<i32>(r, WINOGRAD_TILES) - first);
  const panels = (load<i32>(r, WINOGRAD_OC) + 7) >> 3, perTile = load<i32>(r, WINOGRAD_PANELS_PER_TILE);
  const vStep = load<usize>(r, WINOGRAD_POSITION_STEP), mStep = (<usize>capacity) << 5, uStep = k << 3;
  const m = s + ZEROS + k, end = min((share + 1) * perTile, panels);
  for (let panel = share * perTile; panel < end; panel++) {
    const u = load<usize>(r, WINOGRAD_U) + <usize>panel * (36 * uStep + 32);
    let a = v, b = u + 32, to = m;
    for (let i = 0; i < 36; i++, a += vStep, b += uStep, to += mStep) product(a, k, count, b, to);
    transformOutput(r, first, count, panel, s, m, mStep, u);
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
