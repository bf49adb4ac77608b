import type { Conv2dAttrs, View } from "../../backend.ts";
import { floatBytes, type LowerContext, packedLength } from "./context.ts";
import { emitGemm, emitPack } from "./gemm.ts";

type Four = [number, number, number, number];

/** What a phase of dx along one side sees: taps first, first + stride, …, and where in dy its window begins. */
interface Side {
  readonly phase: number;
  readonly first: number;
  readonly taps: number;
  /** Where the first window begins; may be negative. */
  readonly begin: number;
  /** Pixels of the phase. */
  readonly size: number;
}

/** Pixel i of phase p is Σ_t dy[i + b - t] · w[first + stride · t] with first = (p + pad) mod stride, b = (p + pad - first) / stride. */
function sides(size: number, kernel: number, stride: number, pad: number): readonly Side[] {
  return Array.from({ length: Math.min(stride, size) }, (_, phase) => {
    const first = (phase + pad) % stride;
    const taps = Math.ceil((kernel - first) / stride);
    const begin = (phase + pad - first) / stride - (taps - 1);
    return { phase, first, taps, begin, size: Math.ceil((size - phase) / stride) };
  });
}

/** Zeros that the windows of all phases need before and behind. */
function margins(all: readonly Side[], size: number): { before: number; length: number } {
  const before = Math.max(0, ...all.map((s) => -s.begin));
  const end = Math.max(size, ...all.map((s) => s.begin + s.size - 1 + s.taps));
  return { before, length: before + end };
}

/**
 * The input gradient of a convolution with a stride, without groups and dilation, kernel at least as large as the stride: one small
 * convolution of dy per phase of dx (as many phases as stride x stride), so no multiplication has a zero in it.
 */
export function emitPhases(attrs: Conv2dAttrs, dy: View, weight: View, dx: View, context: LowerContext): void {
  const { kernelH, kernelW, strideH, strideW, padH, padW } = attrs;
  const [n, oc, oh, ow] = dy.shape as Four;
  const [, c, h, w] = dx.shape as Four;
  const rows = sides(h, kernelH, strideH, padH);
  const columns = sides(w, kernelW, strideW, padW);
  const tall = margins(rows, oh);
  const wide = margins(columns, ow);
  let source = context.address(dy);
  if (tall.length > oh || wide.length > ow) {
    const padded = context.scratch(n * tall.length * wide.length * oc);
    const size = { h: oh, w: ow, c: oc, oh: tall.length, ow: wide.length, top: tall.before, left: wide.before };
    context.emit("pad", n * tall.length, { x: source, y: padded, ...size, value: 0 });
    source = padded;
  }
  const pixel = oc * floatBytes;
  const row = wide.length * pixel;
  const result = context.scratch(n * rows[0]!.size * columns[0]!.size * c);
  for (const down of rows) {
    for (const across of columns) {
      const k = down.taps * across.taps * oc;
      const turned = context.scratch(c * k);
      const taps = { th: down.taps, tw: across.taps, top: down.first, left: across.first, strideH, strideW };
      const address = context.address(weight);
      context.emit("phaseWeights", c, { x: address, y: turned, oc, ic: c, kh: kernelH, kw: kernelW, ...taps });
      const packed = context.scratch(packedLength(c, k));
      emitPack(context, { weight: turned, bias: 0, packed, columns: c, k, scale: 0, slab: 1 });
      emitGemm(context, {
        a: source + (tall.before + down.begin) * row + (wide.before + across.begin) * pixel,
        b: packed,
        c: result,
        residual: 0,
        relu: 0,
        m: n * down.size * across.size,
        columns: c,
        runLength: across.taps * oc,
        runsH: down.taps,
        runsW: 1,
        runStepH: row,
        runStepW: 0,
        pixels: down.size * across.size,
        ow: across.size,
        imageStep: tall.length * row,
        rowStep: row,
        pixelStep: pixel,
        cStep: c * floatBytes,
      });
      const place = { top: down.phase, left: across.phase, strideH, strideW };
      const sizes = { h: down.size, w: across.size, c, oh: h, ow: w };
      context.emit("spread", n * down.size, { x: result, y: context.address(dx), ...sizes, ...place });
    }
  }
}
