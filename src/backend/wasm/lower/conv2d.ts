import type { OpAttrs, View } from "../../backend.ts";
import { nchw, onePixel } from "../../pictures.ts";
import { chooseConv } from "./chooseConv.ts";
import { floatBytes, type LowerContext, optional, packedLength, slabPanels } from "./context.ts";
import { emitGemm, emitPack, emitPackedGemm } from "./gemm.ts";
import { lowerStrassen } from "./strassen.ts";
import { lowerWinograd } from "./winograd.ts";

const winogradSizes = { winograd3: 3, winograd4: 4, winograd5: 5 } as const;

/** A convolution by whatever algorithm `chooseConv` says. */
export function lowerConv2d(
  attrs: OpAttrs["conv2d"],
  inputs: readonly (View | null)[],
  outputs: readonly View[],
  context: LowerContext,
  use: "compiled" | "eager" | "gradient" = context.compiled ? "compiled" : "eager",
): void {
  const [x, weight] = inputs as [View, View];
  const [n, c] = nchw(x.shape);
  if (n === 0) return;
  const [, oc, oh, ow] = nchw(outputs[0]!.shape);
  const { memory } = context;
  const algorithm = context.chosen(attrs, [weight, inputs[2] ?? null], () =>
    chooseConv(attrs, { c, oc, oh, ow }, { memory, use }),
  );
  if (algorithm === "gemm" || algorithm === "packed") lowerProduct(algorithm, attrs, inputs, outputs, context);
  else if (algorithm === "strassen") lowerStrassen(attrs, inputs, outputs, context);
  else lowerWinograd(winogradSizes[algorithm], attrs, inputs, outputs, context);
}

/**
 * Any convolution as a matrix product whose rows are read in place from a padded picture (implicit GEMM): channels-last makes
 * each kernel row a stretch of kw·c contiguous floats. `"packed"`: of rows that are packed first (assembly/packedGemm.ts).
 */
function lowerProduct(
  layout: "gemm" | "packed",
  attrs: OpAttrs["conv2d"],
  inputs: readonly (View | null)[],
  outputs: readonly View[],
  context: LowerContext,
): void {
  const [x, weight, bias, residual] = inputs as [View, View, View | null, View | null];
  const y = outputs[0]!;
  const [n, c, h, w] = nchw(x.shape);
  const [, oc, oh, ow] = nchw(y.shape);
  const { kernelH, kernelW, dilationH, dilationW, padH, padW, groups } = attrs;
  const cg = c / groups;
  const ocg = oc / groups;
  const k = cg * kernelH * kernelW;

  const padded = { h: h + 2 * padH, w: w + 2 * padW };
  let a = context.address(x);
  if (padH > 0 || padW > 0) {
    const source = a;
    a = context.scratch(n * padded.h * padded.w * c);
    const record = { x: source, y: a, h, w, c, oh: padded.h, ow: padded.w, top: padH, left: padW, value: 0 };
    context.emit("pad", n * padded.h, record);
  }

  // Without dilation and groups a kernel row is one contiguous run of kw·c floats; else each tap is a run of c/groups.
  const joined = dilationW === 1 && groups === 1;
  const pixel = c * floatBytes;
  const row = padded.w * pixel;
  const shared = {
    relu: attrs.relu ? 1 : 0,
    m: n * oh * ow,
    columns: ocg,
    runLength: joined ? kernelW * c : cg,
    runsH: kernelH,
    runsW: joined ? 1 : kernelW,
    runStepH: dilationH * row,
    runStepW: dilationW * pixel,
    pixels: oh * ow,
    ow,
    imageStep: padded.h * row,
    rowStep: attrs.strideH * row,
    pixelStep: attrs.strideW * pixel,
    cStep: oc * floatBytes,
  };
  const groupLength = packedLength(ocg, k);
  const packed = context.prepare(layout + groups, [weight, bias], groups * groupLength, (at, scale) => {
    const weights = context.address(weight);
    const biases = optional(context, bias);
    for (let g = 0; g < groups; g++) {
      const first = g * ocg;
      emitPack(context, {
        weight: weights + first * k * floatBytes,
        bias: biases && biases + first * floatBytes,
        packed: at + g * groupLength * floatBytes,
        columns: ocg,
        k,
        scale: scale && scale + first * 8,
        slab: layout === "packed" ? slabPanels : 1,
      });
    }
  });
  const skip = optional(context, residual);
  if (layout === "packed") {
    emitPackedGemm(context, { ...shared, a, b: packed, c: context.address(y), residual: skip });
    return;
  }
  for (let g = 0; g < groups; g++) {
    const channel = g * ocg * floatBytes;
    emitGemm(context, {
      ...shared,
      a: a + g * cg * floatBytes,
      b: packed + g * groupLength * floatBytes,
      c: context.address(y) + channel,
      residual: skip && skip + channel,
    });
  }
}

/** A product whose rows are pictures of one pixel. */
export function lowerLinear(
  attrs: OpAttrs["linear"],
  inputs: readonly (View | null)[],
  outputs: readonly View[],
  context: LowerContext,
): void {
  lowerProduct("gemm", { ...onePixel, ...attrs, groups: 1 }, inputs, outputs, context);
}
