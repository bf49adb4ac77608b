// 3x3 stride 1 convolution by Winograd's F(4x4, 3x3) (Lavin and Gray, arXiv 1509.09308): an output tile of 4x4 from an input tile of 6x6
// takes 36 multiplications per channel pair instead of 144. Stride 2: winogradPhases.ts. A block of tiles is one unit of work: its input is
// transformed into V, and for each slab of panels of 8 output channels (slabs.ts) the products of all positions go to M, until the output
// transform, bias, residual and ReLU have turned it into pixels.
import {
  WINOGRAD_BLOCK_TILES, WINOGRAD_BLOCKS, WINOGRAD_C, WINOGRAD_FUSED, WINOGRAD_H, WINOGRAD_OC, WINOGRAD_OH,
  WINOGRAD_OW, WINOGRAD_PAD_H, WINOGRAD_PAD_W, WINOGRAD_PANELS_PER_TILE, WINOGRAD_POSITION_STEP, WINOGRAD_RELU, WINOGRAD_RESIDUAL,
  WINOGRAD_SCRATCH, WINOGRAD_SCRATCH_STEP, WINOGRAD_SIZE, WINOGRAD_TILES, WINOGRAD_TILES_X, WINOGRAD_TILES_Y, WINOGRAD_U, WINOGRAD_V,
  WINOGRAD_V_STEP, WINOGRAD_W, WINOGRAD_X, WINOGRAD_Y,
} from "./generated/records";
import { product } from "./groups";
import { columnsOf, columns4, columns5, FACTORS, inputTile4, row4, storeFactors } from "./winograd4";
import { halfAtBottom, halfAtRight, startPlaces, stepPlaces, tilesBefore, wholeOnly } from "./winogradBorder";
import { PHASES_END, phaseBytes, phasesPanel, transformPhases } from "./winogradPhases";
import { panelsOfSlab, SLAB } from "./slabs";
import { hasPhases, lastPoint, positionsOf, sideOf } from "./winogradSizes";

// A worker's scratch memory: 36 vectors, 36 addresses, three factors, four places in V, then zeros for what lies outside the picture, then M.
// @ts-expect-error: decorator
@inline
const POINTERS: usize = 576;
// @ts-expect-error: decorator
@inline
const PLACES: usize = 768;
// @ts-expect-error: decorator
@inline
const ZEROS: usize = 832;

/** Where the pixels of an input tile begin; outside the picture, zeros. */
function pointers(r: usize, tile: i32, s: usize): void {
  const tilesX = load<i32>(r, WINOGRAD_TILES_X), tilesY = load<i32>(r, WINOGRAD_TILES_Y);
  const h = load<i32>(r, WINOGRAD_H), w = load<i32>(r, WINOGRAD_W), pixel = (<usize>load<i32>(r, WINOGRAD_C)) << 2;
  const row = tile / tilesX, tx = tile - row * tilesX, n = row / tilesY, ty = row - n * tilesY;
  const y0 = ty * 4 - load<i32>(r, WINOGRAD_PAD_H), x0 = tx * 4 - load<i32>(r, WINOGRAD_PAD_W);
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

/** V of a block: for each position, groups of rows (tiles that have it), within a group [c / 4][rows][4]. */
function transformInput(r: usize, block: i32, s: usize, v: usize): void {
  const k = (<usize>load<i32>(r, WINOGRAD_C)) << 2, step = load<usize>(r, WINOGRAD_POSITION_STEP);
  const first = block * load<i32>(r, WINOGRAD_BLOCK_TILES), end = min(first + load<i32>(r, WINOGRAD_BLOCK_TILES), load<i32>(r, WINOGRAD_TILES));
  const tilesX = load<i32>(r, WINOGRAD_TILES_X), tilesY = load<i32>(r, WINOGRAD_TILES_Y);
  const right = halfAtRight(4, r), bottom = halfAtBottom(4, r), cut = load<i32>(r, WINOGRAD_OH) % 4 != 0, p = s + POINTERS;
  memory.fill(s + ZEROS, 0, k);
  storeFactors(s);
  startPlaces(r, 4, s + PLACES, v, first, end);
  for (let tile = first; tile < end; tile++) {
    pointers(r, tile, s);
    const row = tile / tilesX, atRight = right && tile - row * tilesX == tilesX - 1, atBottom = cut && row % tilesY == tilesY - 1;
    let to = load<usize>(s, PLACES), far = load<usize>(s, PLACES + 16), low = load<usize>(s, PLACES + 32), lowFar = load<usize>(s, PLACES + 48);
    const line = load<usize>(s, PLACES + 4), farLine = load<usize>(s, PLACES + 20);
    const lowLine = load<usize>(s, PLACES + 36), lowFarLine = load<usize>(s, PLACES + 52);
    for (let offset: usize = 0; offset < k; offset += 16) {
      inputTile4(p, s, offset, to, far, low, lowFar, step, bottom, atBottom, atRight);
      to += line;
      far += farLine;
      low += lowLine;
      lowFar += lowFarLine;
    }
    stepPlaces(s + PLACES, k, atRight, atBottom);
  }
}

/** Pixels of all tiles of a block for one panel of output channels. `size` may be a constant. */
// @ts-expect-error: decorator
@inline
function transformOutput(size: i32, r: usize, first: i32, count: i32, panel: i32, s: usize, m: usize, biases: usize): void {
  const tilesX = load<i32>(r, WINOGRAD_TILES_X), tilesY = load<i32>(r, WINOGRAD_TILES_Y);
  const side = sideOf(size), positions = positionsOf(size), last = lastPoint(size);
  const oh = load<i32>(r, WINOGRAD_OH), ow = load<i32>(r, WINOGRAD_OW), oc = load<i32>(r, WINOGRAD_OC);
  const pixelBytes = (<usize>oc) << 2, rowBytes = <usize>ow * pixelBytes;
  const lanes = oc - (panel << 3);
  const y = load<usize>(r, WINOGRAD_Y), residual = load<usize>(r, WINOGRAD_RESIDUAL), add = residual ? residual - y : 0;
  // ReLU or nothing by one instruction: nothing is below minus infinity.
  const floor = f32x4.splat(load<i32>(r, WINOGRAD_RELU) ? 0 : -Infinity);
  const bias0 = v128.load(biases), bias1 = v128.load(biases, 16), bytes = positions << 5;
  const right = halfAtRight(size, r), bottom = halfAtBottom(size, r);
  storeFactors(s);
  const two = v128.load(s, FACTORS), four = v128.load(s, FACTORS + 16), eight = f32x4.add(four, four);
  // Where the next tile of each class lies.
  let far = m, low = m, lowFar = m;
  for (let t = 0; t < count; t++) {
    const tile = first + t, row = tile / tilesX, tx = tile - row * tilesX, n = row / tilesY, ty = row - n * tilesY;
    const oy = ty * side, ox = tx * side;
    const offset = <usize>((n * oh + oy) * ow + ox) * pixelBytes + ((<usize>panel) << 5);
    const rows = min(side, oh - oy), columns = min(side, ow - ox);
    const whole = lanes >= 8 && columns == side, atRight = columns < side, atBottom = rows < side;
    for (let half = 0; half < 2 && (half << 2) < lanes; half++) {
      const at = y + offset + ((<usize>half) << 4), from = (<usize>half) << 4, bias = half ? bias1 : bias0;
      if (size == 3) columnsOf(3, m + from, low + from, false, false, s, 6, s);
      else {
        const half = bottom && atBottom;
        if (!right) rowsOf(size, m + from, low + from, bottom, half, s, last + 1, s);
        else {
          const middle = s + (<usize>(last - 2) << 4), skip = from + (<usize>(last - 2) << 5);
          rowsOf(size, m + from, low + from, bottom, half, s, last - 2, s);
          if (atRight) zeros(middle);
          else rowsOf(size, far + skip, lowFar + skip, bottom, half, middle, 2, s);
          rowsOf(size, m + skip + 64, low + skip + 64, bottom, half, middle + 32, 1, s);
        }
      }
      for (let row = 0, t = s, to = at; row < rows; row++, t += bottom && atBottom ? 288 : 96, to += rowBytes) {
        if (whole && size == 4) row4(4, t, bias, to, add, floor, 4, 4, false, pixelBytes, two, four, eight);
        else if (whole && size == 3) row4(3, t, bias, to, add, floor, 4, 3, false, pixelBytes, two, four, eight);
        else anyRow(size, t, bias, to, add, floor, min(4, lanes - (half << 2)), columns, right && atRight, pixelBytes);
      }
    }
    m += bytes;
    if (!right || !atRight) far += bytes;
    if (!atBottom) {
      low += bytes;
      if (!right || !atRight) lowFar += bytes;
    }
  }
}

// @ts-expect-error: decorator
@inline
function rowsOf(size: i32, m: usize, low: usize, bottom: bool, half: bool, to: usize, count: i32, s: usize): void {
  if (size == 4) columns4(m, low, bottom, half, to, count, s);
  else columns5(m, low, bottom, half, to, count, s);
}

/** A row of any tile, one that sticks out of the picture or of channels that are not there as well. */
function anyRow(
  size: i32, t: usize, bias: v128, y: usize, add: usize, floor: v128, lanes: i32, columns: i32, half: bool, pixelBytes: usize,
): void {
  row4(size, t, bias, y, add, floor, lanes, columns, half, pixelBytes, f32x4.splat(2), f32x4.splat(4), f32x4.splat(8));
}

/** Columns of points that half a tile does not have. */
function zeros(to: usize): void {
  for (const end = to + 384; to < end; to += 96) memory.fill(to, 0, 32);
}

/** V of a block, whatever the size of its tiles. */
function input(r: usize, block: i32, s: usize, v: usize): void {
  const size = load<i32>(r, WINOGRAD_SIZE);
  if (size == 4) transformInput(r, block, s, v);
  else if (size == 3) transformPhases(3, r, block, s, v);
  else transformPhases(5, r, block, s, v);
}

/** Only the input transform of a block, where the panels of few blocks are shared out among the workers. */
export function winogradInput(r: usize, block: i32, worker: i32): void {
  const s = load<usize>(r, WINOGRAD_SCRATCH) + <usize>worker * load<usize>(r, WINOGRAD_SCRATCH_STEP);
  input(r, block, s, load<usize>(r, WINOGRAD_V) + <usize>block * load<usize>(r, WINOGRAD_V_STEP));
}

/** Output pixels of a block for some panels. `fused`: the input is transformed here, into memory of the worker's own. */
export function winograd(r: usize, tile: i32, worker: i32): void {
  const size = load<i32>(r, WINOGRAD_SIZE);
  const positions = positionsOf(size), phases = hasPhases(size), last = lastPoint(size), side = sideOf(size);
  const blocks = load<i32>(r, WINOGRAD_BLOCKS), share = tile / blocks, block = tile - share * blocks;
  const s = load<usize>(r, WINOGRAD_SCRATCH) + <usize>worker * load<usize>(r, WINOGRAD_SCRATCH_STEP);
  const fused = load<i32>(r, WINOGRAD_FUSED) != 0;
  const v = load<usize>(r, WINOGRAD_V) + <usize>(fused ? worker : block) * load<usize>(r, WINOGRAD_V_STEP);
  if (fused) input(r, block, s, v);
  const c = load<i32>(r, WINOGRAD_C), k = phases ? phaseBytes(size, c, 0, 0) : (<usize>c) << 2;
  const narrow = phases ? phaseBytes(size, c, 0, last) : k, corner = phases ? phaseBytes(size, c, last, last) : k;
  const first = block * load<i32>(r, WINOGRAD_BLOCK_TILES);
  const count = min(load<i32>(r, WINOGRAD_BLOCK_TILES), load<i32>(r, WINOGRAD_TILES) - first);
  const right = halfAtRight(size, r), bottom = halfAtBottom(size, r), end = first + count;
  const far = tilesBefore(r, size, end, 1) - tilesBefore(r, size, first, 1), low = tilesBefore(r, size, end, 2) - tilesBefore(r, size, first, 2);
  const lowFar = tilesBefore(r, size, end, 3) - tilesBefore(r, size, first, 3);
  const panels = (load<i32>(r, WINOGRAD_OC) + 7) >> 3, perTile = load<i32>(r, WINOGRAD_PANELS_PER_TILE);
  const vStep = load<usize>(r, WINOGRAD_POSITION_STEP);
  const m = phases ? s + PHASES_END : s + ZEROS + k, lines = positions * <usize>(load<i32>(r, WINOGRAD_BLOCK_TILES) + 3) << 5;
  const lastPanel = min((share + 1) * perTile, panels), panelBytes = phases ? phasesPanel(size, c) : ((positions * k) << 3) + 32;
  for (let panel = share * perTile, some = 0; panel < lastPanel; panel += some) {
    const inSlab = panel % SLAB, all = panelsOfSlab(SLAB, panels, panel, inSlab), u = load<usize>(r, WINOGRAD_U) + <usize>(panel - inSlab) * panelBytes;
    some = min(all - inSlab, lastPanel - panel);
    let a = v, b = u + (<usize>all << 5), to = m;
    for (let i = 0; i <= last; i++) {
      // Tiles that have row i, and of those the ones that have all columns.
      const isLow = bottom ? wholeOnly(size, i) : i == last, rows = isLow ? low : count, farRows = right ? (isLow ? lowFar : far) : rows;
      const wide = i < last ? k : narrow, end = i < last ? narrow : corner;
      for (let j = 0; j <= last; j++, a += vStep, to += 32) {
        b = product(
          a, k, j == last - 1 || j == last - 2 ? farRows : rows, b, all, inSlab, some, j < last ? wide : end, to, positions << 5, lines,
        );
      }
    }
    let biases = u + (<usize>inSlab << 5), at = m;
    for (let p = panel; p < panel + some; p++, biases += 32, at += lines) {
      // Tiles of the first layer have few products: there a copy of its own is 5 % faster.
      if (size == 3) transformOutput(3, r, first, count, p, s, at, biases);
      else transformOutput(size, r, first, count, p, s, at, biases);
    }
  }
}
