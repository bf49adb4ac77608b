import type { Conv2dAttrs, View } from "../../backend.ts";
import { emitBlocks, spareRows } from "./blocks.ts";
import { floatBytes, type LowerContext, optional, panelColumns, slabPanels, spread } from "./context.ts";

/** Bytes of a worker's scratch memory before the zeros: see assembly/winograd.ts. */
const headBytes = 832;
/** Stride 2 (assembly/winogradPhases.ts): bytes of scratch memory before M. */
const phasesHeadBytes = 12 * 11 * 16 + 4 * 36 * 16 + 64;

/**
 * By `size`: pixels of an output tile along a side, points along a side, whether it is of phases, which have infinity in odd ones only, and the numbers of k at all
 * positions together for each input channel (three of them: in fours).
 */
const tileOf = {
  3: { side: 3, points: 6, phases: true, k: 128 },
  4: { side: 4, points: 6, phases: false, k: 36 },
  5: { side: 4, points: 5, phases: true, k: 81 },
} as const;

/** Bytes in front of a worker's transformed filters (TRANSFORMED in assembly/winogradPack.ts). */
const packHead = 384;

/** Positions times tiles of a block (bench/lab/README.md, Winograd, blocks: not far from 24 tiles it hardly matters). */
const blockRows = 36 * 24;
/**
 * The same where the transformed filters are too large for the second-level cache and must be read as rarely as possible: a picture of 28x28 at once
 * (128 channels: 1.33 ms in three blocks of 20 tiles, 1.22 in one of 49).
 */
const streamRows = 36 * 52;
const streamBytes = 1 << 20;

/**
 * A convolution by Winograd's method. `size` 4: 3x3, stride 1, by F(4x4, 3x3); 5: 3x3, stride 2, channels in fours; 3: 7x7, stride 2,
 * three channels. See assembly/winograd.ts and winogradPhases.ts.
 */
export function lowerWinograd(
  size: keyof typeof tileOf,
  attrs: Conv2dAttrs,
  inputs: readonly (View | null)[],
  outputs: readonly View[],
  context: LowerContext,
): void {
  const [x, weight, bias, residual] = inputs as [View, View, View | null, View | null];
  const y = outputs[0]!;
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [, oc, oh, ow] = y.shape as [number, number, number, number];
  const { side, points, phases, k: ks } = tileOf[size];
  const positions = points ** 2;
  const panels = Math.ceil(oc / panelColumns);
  const k = phases ? 4 * c : c;

  const packedLength = panels * panelColumns * (ks * c + 1);
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

  const tilesX = Math.ceil(ow / side);
  const tilesY = Math.ceil(oh / side);
  const tiles = n * tilesX * tilesY;
  const most = Math.floor((packedLength * floatBytes > streamBytes ? streamRows : blockRows) / positions);
  const blockTiles = Math.ceil(Math.ceil(tiles / Math.ceil(tiles / most)) / 4) * 4;
  const capacity = blockTiles + spareRows;
  const positionLength = spread(capacity * k);
  const blocks = {
    blocks: Math.ceil(tiles / blockTiles),
    panels,
    v: positions * positionLength,
    head: phases ? phasesHeadBytes / floatBytes : headBytes / floatBytes + k,
    rows: positions * capacity,
    slab: slabPanels,
  };
  emitBlocks(context, "winograd", blocks, {
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
    blockTiles,
    positionStep: positionLength * floatBytes,
    size,
  });
}
