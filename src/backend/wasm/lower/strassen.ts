import type { Conv2dAttrs, View } from "../../backend.ts";
import { emitBlocks, spareRows } from "./blocks.ts";
import { floatBytes, type LowerContext, optional, panelColumns, spread } from "./context.ts";

/** Products instead of eight, and of sums of weights instead of four quarters. */
const positions = 7;
/** Panels of a slab: SLAB in assembly/strassen.ts. */
const slabPanels = 32;
/** Output channels of a panel: eight of either half. */
const panelChannels = 2 * panelColumns;
/**
 * Pairs of pixels of a block, whole register tiles of 5 and of 6 (bench/lab/README.md, Strassen's step): V and M of a block stay in the second-level
 * cache, and so long lines of all output channels can be written at once.
 */
const blockPairs = 30;

/** A 1x1 convolution without padding and groups by one step of Strassen's method: see assembly/strassen.ts. c is a multiple of 8, oc of 16. */
export function lowerStrassen(
  attrs: Conv2dAttrs,
  inputs: readonly (View | null)[],
  outputs: readonly View[],
  context: LowerContext,
): void {
  const [x, weight, bias, residual] = inputs as [View, View, View | null, View | null];
  const y = outputs[0]!;
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [, oc, oh, ow] = y.shape as [number, number, number, number];
  const panels = oc / panelChannels;
  const u = context.prepare("strassen", [weight, bias], (positions / 4) * oc * c + oc, (packed, scale) => {
    const record = { weight: context.address(weight), bias: optional(context, bias), scale, packed, c, oc };
    context.emit("strassenPack", panels, record);
  });

  const pairs = n * Math.ceil((oh * ow) / 2);
  const capacity = blockPairs + spareRows;
  const positionLength = spread((capacity * c) / 2);
  const pixel = c * floatBytes;
  const blocks = {
    blocks: Math.ceil(pairs / blockPairs),
    panels,
    v: positions * positionLength,
    head: 0,
    rows: positions * capacity,
    slab: slabPanels,
  };
  emitBlocks(context, "strassen", blocks, {
    x: context.address(x),
    y: context.address(y),
    u,
    residual: optional(context, residual),
    relu: attrs.relu ? 1 : 0,
    c,
    oc,
    pixels: oh * ow,
    ow,
    imageStep: h * w * pixel,
    rowStep: attrs.strideH * w * pixel,
    pixelStep: attrs.strideW * pixel,
    pairs,
    blockPairs,
    positionStep: positionLength * floatBytes,
  });
}
