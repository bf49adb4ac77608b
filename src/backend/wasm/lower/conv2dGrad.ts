import { numel } from "../../../tensor/shape.ts";
import type { Conv2dAttrs, View } from "../../backend.ts";
import { nchw, onePixel } from "../../pictures.ts";
import type { RecordOf } from "../records.ts";
import { floatBytes, type LowerContext, panelColumns } from "./context.ts";
import { lowerConv2d } from "./conv2d.ts";
import { emitPhases } from "./phases.ts";
import { emitReduce } from "./reduce.ts";
import { scratchView } from "./scratchView.ts";
import { emitWinogradGrad, fitsWinogradGrad } from "./winogradGrad.ts";

type Inputs = readonly (View | null)[];
type Outputs = readonly View[];

/** Weights [oc][kh][kw][c/groups] as those of the convolution that takes dy to dx: [c][kh reversed][kw reversed][oc/groups]. */
function flipped(weight: View, groups: number, context: LowerContext): View {
  const [oc, icg, kh, kw] = nchw(weight.shape);
  const ocg = oc / groups;
  const turned = scratchView(context, [icg * groups, ocg, kh, kw]);
  const bytes = ocg * kh * kw * icg * floatBytes;
  for (let g = 0; g < groups; g++) {
    context.emit("flip", icg, {
      x: context.address(weight) + g * bytes,
      y: context.address(turned) + g * bytes,
      oc: ocg,
      taps: kh * kw,
      ic: icg,
    });
  }
  return turned;
}

/** Puts the pixels of `from` `stride` apart into `to`, from (top, left) on; negative offsets crop. */
function dilate(from: View, to: View, top: number, left: number, attrs: Conv2dAttrs, context: LowerContext): void {
  const [, c, h, w] = nchw(from.shape);
  const [n, , oh, ow] = nchw(to.shape);
  const { strideH, strideW } = attrs;
  const record = { x: context.address(from), y: context.address(to), h, w, c, oh, ow, top, left, strideH, strideW };
  context.emit("dilate", n * oh, record);
}

/**
 * The gradient of a convolution's input is a convolution with stride 1 of dy, its pixels put `stride` apart, with the weights
 * turned around; so it uses whatever algorithm the forward convolution would. With a stride each phase of dx sees its own taps
 * only: a small convolution of dy as it is. A 1x1 kernel multiplies first and spreads after.
 * @param inputs dy, weight, and a gradient that is there already and is added (may be null)
 */
export function conv2dInputGrad(
  attrs: Conv2dAttrs,
  [dyIn, weightIn, known]: Inputs,
  [dxOut]: Outputs,
  context: LowerContext,
): void {
  const dy = dyIn!;
  const dx = dxOut!;
  const [n, oc] = nchw(dy.shape);
  const [, c, h, w] = nchw(dx.shape);
  const { kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW, groups } = attrs;
  const top = dilationH * (kernelH - 1) - padH;
  const left = dilationW * (kernelW - 1) - padW;
  const unit = { ...attrs, strideH: 1, strideW: 1, padH: 0, padW: 0, relu: false };
  const weight = () => flipped(weightIn!, groups, context);
  const convolve = (x: View, y: View, pads: object, residual: View | null = null) =>
    lowerConv2d({ ...unit, ...pads }, [x, weight(), null, residual], [y], context, "gradient");

  if (strideH === 1 && strideW === 1 && top >= 0 && left >= 0) {
    convolve(dy, dx, { padH: top, padW: left }, known ?? null);
    return;
  }
  if (groups === 1 && dilationH === 1 && dilationW === 1 && kernelH >= strideH && kernelW >= strideW) {
    emitPhases(attrs, dy, weightIn!, dx, context);
  } else if (kernelH === 1 && kernelW === 1) {
    const [, , oh, ow] = nchw(dy.shape);
    const small = scratchView(context, [n, c, oh, ow]);
    convolve(dy, small, {});
    dilate(small, dx, -padH, -padW, attrs, context);
  } else {
    const canvas = scratchView(context, [n, oc, h + dilationH * (kernelH - 1), w + dilationW * (kernelW - 1)]);
    dilate(dy, canvas, top, left, attrs, context);
    convolve(canvas, dx, {});
  }
  if (known) emitAdd(dx, known, context);
}

/** y += a. */
function emitAdd(y: View, a: View, context: LowerContext): void {
  const length = numel(y.shape);
  const perTile = 16384;
  const values = { a: context.address(y), b: context.address(a), y: context.address(y) };
  context.emit("pointwise", Math.ceil(length / perTile), { ...values, length, relu: 0, scaled: 0, factor: 1, perTile });
}

/** Floats that the partial matrices of a weight gradient may take: 4 MB. */
const partialFloats = 1 << 20;
/** Parts that a batch is cut into at most; the cut depends on shapes only, so the sum's order never depends on threads. */
const maxSegments = 16;

/** Pixels whose products are summed in registers before they are added to the partial matrix. */
const chunkPixels = 64;

/** What the cut of the batch into segments does not decide. */
type WeightGrad = { readonly dw: number } & Omit<
  RecordOf<"weightGrad">,
  "partial" | "segments" | "ocPerTile" | "ocTiles" | "partialStep" | "chunk" | "scratch" | "scratchStep"
>;

function emitWeightGrad(context: LowerContext, g: WeightGrad): void {
  const { dw, ...record } = g;
  const runs = g.runsH * g.runsW;
  const size = g.oc * runs * g.runLength;
  const segments = Math.max(1, Math.min(maxSegments, g.n, Math.floor(partialFloats / size)));
  const partial = segments === 1 ? dw : context.scratch(segments * size);
  const ocPerTile = Math.min(64, Math.ceil(g.oc / 4) * 4);
  const ocTiles = Math.ceil(g.oc / ocPerTile);
  const partialStep = size * floatBytes;
  const panels = Math.ceil(g.runLength / panelColumns) * panelColumns;
  const scratchLength = chunkPixels * (ocPerTile + panels) + ocPerTile * panels;
  context.emit("weightGrad", segments * ocTiles * runs, {
    ...record,
    partial,
    segments,
    ocPerTile,
    ocTiles,
    partialStep,
    chunk: chunkPixels,
    scratch: context.scratch(context.workers * scratchLength),
    scratchStep: scratchLength * floatBytes,
  });
  if (segments > 1) emitReduce(context, { x: partial, y: dw, count: segments, length: size });
}

export function conv2dWeightGrad(
  attrs: Conv2dAttrs,
  [xIn, dyIn]: Inputs,
  [dwOut]: Outputs,
  context: LowerContext,
): void {
  const x = xIn!;
  const [n, c, h, w] = nchw(x.shape);
  const [, oc, oh, ow] = nchw(dyIn!.shape);
  const { kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW, groups } = attrs;
  if (n > 0 && fitsWinogradGrad(attrs, c, oc, oh, ow)) {
    emitWinogradGrad(attrs, x, dyIn!, dwOut!, context);
    return;
  }
  const cg = c / groups;
  const ocg = oc / groups;
  let source = context.address(x);
  const paddedH = h + 2 * padH;
  const paddedW = w + 2 * padW;
  if (padH > 0 || padW > 0) {
    // One more pixel behind: tails of k read past the last one.
    const padded = context.scratch(n * paddedH * paddedW * c + 8);
    const record = { x: source, y: padded, h, w, c, oh: paddedH, ow: paddedW, top: padH, left: padW, value: 0 };
    context.emit("pad", n * paddedH, record);
    source = padded;
  }
  const joined = dilationW === 1 && groups === 1;
  const pixel = c * floatBytes;
  const row = paddedW * pixel;
  for (let g = 0; g < groups; g++) {
    emitWeightGrad(context, {
      x: source + g * cg * floatBytes,
      dy: context.address(dyIn!) + g * ocg * floatBytes,
      dw: context.address(dwOut!) + g * ocg * cg * kernelH * kernelW * floatBytes,
      n,
      oh,
      ow,
      oc: ocg,
      runLength: joined ? kernelW * c : cg,
      runsH: kernelH,
      runsW: joined ? 1 : kernelW,
      runStepH: dilationH * row,
      runStepW: dilationW * pixel,
      imageStep: paddedH * row,
      rowStep: strideH * row,
      pixelStep: strideW * pixel,
      dyStep: oc * floatBytes,
    });
  }
}

/** A fully connected layer is a 1x1 convolution of pictures of one pixel. */
const linear = { ...onePixel, groups: 1 };

export function linearInputGrad(_attrs: object, inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  conv2dInputGrad(linear, inputs, outputs, context);
}

export function linearWeightGrad(_attrs: object, inputs: Inputs, outputs: Outputs, context: LowerContext): void {
  conv2dWeightGrad(linear, inputs, outputs, context);
}
