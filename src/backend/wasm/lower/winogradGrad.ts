import type { Conv2dAttrs, View } from "../../backend.ts";
import { floatBytes, type LowerContext, workerStep } from "./context.ts";

const positions = 36;
const tileSize = 4;
/** Bytes of a worker's scratch memory before V: see assembly/winogradGrad.ts. */
const headBytes = 1088;
/** Tiles whose transforms are multiplied at once. */
const blockTiles = 32;
/** Channels of a unit of work: its 36 matrices of sums are 590 KB at most. */
const span = 64;
/** Tiles of a segment at least, and segments at most; the cut depends on shapes only, so the order of sums never depends on threads. */
const segmentTiles = 128;
const maxSegments = 16;
/** Floats that the sums may take: 64 MB. */
const maxFloats = 1 << 24;

/** Below this many channels the transforms cost more than the multiplications they save. */
const leastChannels = 8;

/** Whether a weight gradient is computed by `emitWinogradGrad`. */
export function fitsWinogradGrad(attrs: Conv2dAttrs, c: number, oc: number, oh: number, ow: number): boolean {
  const { kernelH, kernelW, strideH, strideW, dilationH, dilationW, groups } = attrs;
  const ones = [strideH, strideW, dilationH, dilationW, groups].every((v) => v === 1);
  const pad = Math.ceil(oc / 4) * 4 * Math.ceil(c / 8) * 8;
  return (
    ones &&
    kernelH === 3 &&
    kernelW === 3 &&
    Math.min(c, oc) >= leastChannels &&
    oh * ow >= 16 &&
    positions * pad <= maxFloats
  );
}

/** The weight gradient of a 3x3 stride 1 convolution by Winograd's F(3x3, 4x4); see assembly/winogradGrad.ts. */
export function emitWinogradGrad(attrs: Conv2dAttrs, x: View, dy: View, dw: View, context: LowerContext): void {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [, oc, oh, ow] = dy.shape as [number, number, number, number];
  const ocSpan = Math.min(span, Math.ceil(oc / 4) * 4);
  const cSpan = Math.min(span, Math.ceil(c / 8) * 8);
  const shares = { ocSpan, cSpan, ocShares: Math.ceil(oc / ocSpan), cShares: Math.ceil(c / cSpan) };
  const tilesX = Math.ceil(ow / tileSize);
  const tilesY = Math.ceil(oh / tileSize);
  const tiles = n * tilesX * tilesY;
  const unit = positions * ocSpan * cSpan;
  const whole = unit * shares.ocShares * shares.cShares;
  const segments = Math.max(1, Math.min(maxSegments, Math.floor(tiles / segmentTiles), Math.floor(maxFloats / whole)));
  const partial = context.scratch(segments * whole);
  const transformed = positions * (blockTiles * (ocSpan + cSpan) + 32);
  const scratchLength = workerStep(headBytes / floatBytes + transformed, context.workers);
  const scratch = context.scratch(context.workers * scratchLength);
  const shared = { ...shares, partial, c, oc, segments, scratch, scratchStep: scratchLength * floatBytes };
  context.emit("winogradGrad", segments * shares.ocShares * shares.cShares, {
    ...shared,
    x: context.address(x),
    dy: context.address(dy),
    h,
    w,
    oh,
    ow,
    padH: attrs.padH,
    padW: attrs.padW,
    tilesX,
    tilesY,
    tiles,
    blockTiles,
  });
  context.emit("winogradGradSum", Math.ceil(oc / 4), { ...shared, dw: context.address(dw) });
}
