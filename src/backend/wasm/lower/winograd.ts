import type { Conv2dAttrs, View } from "../../backend.ts";
import type { RecordOf } from "../records.ts";
import { floatBytes, type LowerContext, optional, panelColumns, workerStep } from "./context.ts";

/** The last group of a block may be filled up to the smallest register tile. */
const spareRows = 3;
/** Bytes of a worker's scratch memory before the zeros: see assembly/winograd.ts. */
const headBytes = 768;

/** Bytes in front of a worker's transformed filters (TRANSFORMED in assembly/winogradPack.ts). */
const packHead = 384;

/** Positions times tiles of a block: M (8 floats each) fits the first-level cache (bench/lab/README.md, blocks). */
const blockRows = 36 * 24;
/** Tiles of a block where the transformed filters are too large for caches and must stream from memory as rarely as possible. */
const streamRows = 36 * 48;
const streamBytes = 4 << 20;
/** With fewer blocks than this, panels are shared out among workers as well. */
const enoughBlocks = 8;

/** An odd number of cache lines: 36 writes that are a power of two apart would push each other out of the first-level cache. */
function spread(length: number): number {
  const lines = Math.ceil((length * floatBytes) / 64);
  return ((lines | 1) * 64) / floatBytes;
}

/** A 3x3 stride 1 convolution by Winograd's F(4x4, 3x3) or F(2x2, 3x3); see assembly/winograd.ts. */
export function lowerWinograd(
  size: 2 | 4,
  attrs: Conv2dAttrs,
  inputs: readonly (View | null)[],
  outputs: readonly View[],
  context: LowerContext,
): void {
  const [x, weight, bias, residual] = inputs as [View, View, View | null, View | null];
  const y = outputs[0]!;
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [, oc, oh, ow] = y.shape as [number, number, number, number];
  const positions = (size + 2) ** 2;
  const panels = Math.ceil(oc / panelColumns);
  const k = Math.ceil(c / 4) * 4;

  const packedLength = panels * panelColumns * (positions * k + 1);
  // The scratch memory of workers that transform filters lies behind what they write.
  const length = packedLength + context.workers * (positions * panelColumns * 4 + packHead / floatBytes);
  const u = context.prepare(`winograd${size}`, [weight, bias], length, (packed, scale) => {
    context.emit("winogradPack", panels, {
      weight: context.address(weight),
      bias: optional(context, bias),
      scale,
      packed,
      c,
      oc,
      scratch: packed + packedLength * floatBytes,
      size,
    });
  });

  const tilesX = Math.ceil(ow / size);
  const tilesY = Math.ceil(oh / size);
  const tiles = n * tilesX * tilesY;
  const most = Math.floor((packedLength * floatBytes > streamBytes ? streamRows : blockRows) / positions);
  const blocks = Math.ceil(tiles / most);
  const perBlock = Math.ceil(Math.ceil(tiles / blocks) / 4) * 4;
  const capacity = perBlock + spareRows;
  const fused = context.workers === 1 || blocks >= enoughBlocks;
  const shares = fused ? 1 : Math.min(panels, Math.ceil(enoughBlocks / blocks));
  const positionLength = spread(capacity * k);
  const vLength = workerStep(positions * positionLength, context.workers);
  const scratchLength = workerStep(headBytes / floatBytes + k + positions * capacity * panelColumns, context.workers);
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
    size,
    scratch: context.scratch(context.workers * scratchLength),
    scratchStep: scratchLength * floatBytes,
    fused: fused ? 1 : 0,
    panelsPerTile: Math.ceil(panels / shares),
  };
  if (!fused) context.emit("winogradInput", record.blocks, record);
  context.emit("winograd", record.blocks * Math.ceil(panels / record.panelsPerTile), record);
}
