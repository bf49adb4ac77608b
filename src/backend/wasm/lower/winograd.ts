import type { Conv2dAttrs, View } from "../../backend.ts";
import type { RecordOf } from "../records.ts";
import { floatBytes, type LowerContext, optional, panelColumns } from "./context.ts";

/** Positions of a 6x6 input tile; output tiles are 4x4. */
const positions = 36;
const tileSize = 4;
/** The last group of a block may be filled up to the smallest register tile. */
const spareRows = 3;
/** Bytes of a worker's scratch memory before the zeros: see assembly/winograd.ts. */
const headBytes = 768;

/** Floats with which a worker transforms filters: 36 positions of 8 output and 4 input channels. */
const packScratch = positions * panelColumns * 4;

/** Tiles of a block: M (36 x tiles x 8 floats) fits the first-level cache (an estimate: not yet measured row by row). */
const blockTiles = 24;
/** Tiles of a block where the transformed filters are too large for caches and must stream from memory as rarely as possible. */
const streamTiles = 48;
const streamBytes = 4 << 20;
/** With fewer blocks than this, panels are shared out among workers as well. */
const enoughBlocks = 8;

/** An odd number of cache lines: 36 writes that are a power of two apart would push each other out of the first-level cache. */
function spread(length: number): number {
  const lines = Math.ceil((length * floatBytes) / 64);
  return ((lines | 1) * 64) / floatBytes;
}

/** A 3x3 stride 1 convolution by Winograd's F(4x4, 3x3); see assembly/winograd.ts. */
export function lowerWinograd(
  attrs: Conv2dAttrs,
  inputs: readonly (View | null)[],
  outputs: readonly View[],
  context: LowerContext,
): void {
  const [x, weight, bias, residual] = inputs as [View, View, View | null, View | null];
  const y = outputs[0]!;
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [, oc, oh, ow] = y.shape as [number, number, number, number];
  const panels = Math.ceil(oc / panelColumns);
  const k = Math.ceil(c / 4) * 4;

  const packedLength = panels * panelColumns * (positions * k + 1);
  // The scratch memory of workers that transform filters lies behind what they write.
  const length = packedLength + context.workers * packScratch;
  const u = context.prepare("winograd4", [weight, bias], length, (packed, scale) => {
    context.emit("winogradPack", panels, {
      weight: context.address(weight),
      bias: optional(context, bias),
      scale,
      packed,
      c,
      oc,
      scratch: packed + packedLength * floatBytes,
    });
  });

  const tilesX = Math.ceil(ow / tileSize);
  const tilesY = Math.ceil(oh / tileSize);
  const tiles = n * tilesX * tilesY;
  const most = packedLength * floatBytes > streamBytes ? streamTiles : blockTiles;
  const blocks = Math.ceil(tiles / most);
  const perBlock = Math.ceil(Math.ceil(tiles / blocks) / 4) * 4;
  const capacity = perBlock + spareRows;
  const fused = context.workers === 1 || blocks >= enoughBlocks;
  const shares = fused ? 1 : Math.min(panels, Math.ceil(enoughBlocks / blocks));
  const positionLength = spread(capacity * k);
  const vLength = positions * positionLength;
  const scratchLength = headBytes / floatBytes + k + positions * capacity * panelColumns;
  const record: RecordOf<"winograd"> = {
    x: context.address(x),
    y: context.address(y),
    u,
    residual: optional(context, residual),
    relu: attrs.relu ? 1 : 0,
    h,
    w,
    c,
    oh,
    ow,
    oc,
    padH: attrs.padH,
    padW: attrs.padW,
    tilesX,
    tilesY,
    tiles,
    blockTiles: perBlock,
    blocks: Math.ceil(tiles / perBlock),
    capacity,
    v: context.scratch((fused ? context.workers : blocks) * vLength),
    vStep: vLength * floatBytes,
    positionStep: positionLength * floatBytes,
    scratch: context.scratch(context.workers * scratchLength),
    scratchStep: scratchLength * floatBytes,
    fused: fused ? 1 : 0,
    panelsPerTile: Math.ceil(panels / shares),
  };
  if (!fused) context.emit("winogradInput", record.blocks, record);
  context.emit("winograd", record.blocks * Math.ceil(panels / record.panelsPerTile), record);
}
