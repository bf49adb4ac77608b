import type { Shape } from "../../src/tensor/shape.ts";
import { type Case, type WindowSpec, windowAttrs, windowName } from "./case.ts";
import { cifarLayers, imageNetLayers, type Layer } from "./networks.ts";

interface Spec extends WindowSpec {
  readonly x: Shape;
  readonly oc: number;
  readonly groups?: number;
  readonly bias?: boolean;
  readonly residual?: boolean;
  readonly relu?: boolean;
}

function row(spec: Spec, extra: Partial<Case<"conv2d">> = {}): Case<"conv2d"> {
  const { x, oc, groups = 1, bias = false, residual = false, relu = false } = spec;
  const window = windowAttrs(spec);
  const [n, c, h, w] = x as [number, number, number, number];
  const out = (size: number, k: number, s: number, p: number, d: number) =>
    Math.floor((size + 2 * p - d * (k - 1) - 1) / s) + 1;
  const oh = out(h, window.kernelH, window.strideH, window.padH, window.dilationH);
  const ow = out(w, window.kernelW, window.strideW, window.padW, window.dilationW);
  const flags = [groups > 1 && `g${groups}`, bias && "bias", residual && "residual", relu && "relu"].filter(Boolean);
  return {
    name: `${x.join("x")} -> ${oc}  ${[windowName(spec), ...flags].join(" ")}`,
    attrs: { ...window, groups, ...(relu ? { relu } : {}) },
    shapes: [
      x,
      [oc, c / groups, window.kernelH, window.kernelW],
      bias ? [oc] : null,
      residual ? [n, oc, oh, ow] : null,
    ],
    fill: ["normal", "small", "normal", "normal"],
    ...extra,
  };
}

function layerRow({ c, size, oc, k, stride, groups, where }: Layer, batch: number): Case<"conv2d"> {
  const pad = (k - 1) / 2;
  return row({ x: [batch, c, size, size], oc, k, stride, groups, ...(pad > 0 ? { pad } : {}) }, { perf: true, where });
}

const channels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 17, 31, 33];

function tails(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const c of channels) {
    for (const oc of [1, 3, 5, 7, 10, 33]) {
      rows.push(row({ x: [1, c, 5, 6], oc, k: 3, pad: 1, bias: oc % 2 === 1 }));
      rows.push(row({ x: [2, c, 3, 3], oc, k: 1, bias: c % 2 === 0 }));
    }
  }
  for (const n of [1, 2, 3, 5]) {
    rows.push(row({ x: [n, 33, 1, 1], oc: 1000, k: 1, bias: true }));
    rows.push(row({ x: [n, 6, 7, 5], oc: 9, k: 3, pad: 1 }));
    rows.push(row({ x: [n, 5, 6, 7], oc: 12, k: 5, stride: 2, pad: 2, bias: true }));
  }
  return rows;
}

function windows(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const k of [1, 2, 3, 4, 5, 6, 7]) {
    for (const stride of [1, 2, 3]) {
      for (const pad of new Set([0, Math.floor(k / 2), k])) rows.push(row({ x: [1, 5, 9, 11], oc: 6, k, stride, pad }));
    }
  }
  const tall = [1, 7] as const;
  const wide = [7, 1] as const;
  for (const k of [tall, wide, [3, 5], [2, 3], [1, 2], [3, 1]] as const) {
    rows.push(row({ x: [2, 4, 9, 8], oc: 7, k, bias: true }));
    rows.push(row({ x: [1, 8, 9, 8], oc: 8, k, stride: [1, 2], pad: [0, 1] }));
    rows.push(row({ x: [1, 3, 8, 9], oc: 5, k, stride: [2, 1], pad: [1, 0] }));
    rows.push(row({ x: [1, 3, 11, 10], oc: 5, k, stride: [3, 2], pad: [2, 3] }));
  }
  for (const dilation of [2, 3, [1, 2], [3, 1]] as const) {
    for (const stride of [1, 2]) {
      rows.push(row({ x: [2, 6, 12, 13], oc: 10, k: 3, stride, pad: 2, dilation }));
      rows.push(row({ x: [1, 8, 12, 13], oc: 8, k: 3, stride, pad: dilation === 2 ? 2 : 0, dilation, groups: 4 }));
      rows.push(row({ x: [1, 3, 15, 14], oc: 4, k: [2, 4], stride, dilation, bias: true }));
    }
  }
  return rows;
}

/** Picture sizes around every tile size, for 3x3 stride 1 (Winograd's ground) and stride 2. */
function pictures(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const size of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 17]) {
    rows.push(row({ x: [1, 8, size, size], oc: 8, k: 3, pad: 1, bias: true }));
    rows.push(row({ x: [2, 16, size, size + 1], oc: 20, k: 3, pad: 1 }));
    if (size >= 3) rows.push(row({ x: [1, 12, size, size + 3], oc: 16, k: 3 }));
    rows.push(row({ x: [1, 12, size + 2, size], oc: 16, k: 3, pad: 2 }));
    rows.push(row({ x: [1, 8, size, size], oc: 12, k: 3, stride: 2, pad: 1 }));
    rows.push(row({ x: [1, 7, size, size + 2], oc: 9, k: 1, stride: 2 }));
  }
  rows.push(row({ x: [1, 64, 14, 14], oc: 64, k: 3, pad: 1, bias: true, residual: true, relu: true }));
  rows.push(row({ x: [3, 32, 7, 7], oc: 64, k: 3, pad: 1, bias: true, residual: true, relu: true }));
  rows.push(row({ x: [1, 200, 7, 7], oc: 72, k: 3, pad: 1, bias: true }));
  rows.push(row({ x: [1, 300, 6, 6], oc: 40, k: 1 }));
  rows.push(row({ x: [1, 3, 33, 35], oc: 64, k: 7, stride: 2, pad: 3 }));
  return rows;
}

/** Channel tails and epilogues of 3x3 stride 1 at the sizes where compiled networks use Winograd. */
function winograd(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const c of [16, 17, 20, 24, 36]) {
    for (const oc of [16, 17, 19, 22, 33]) {
      rows.push(row({ x: [1, c, 5, 6], oc, k: 3, pad: 1, bias: true }));
      rows.push(row({ x: [1, c, 7, 6], oc, k: 3, pad: 1, bias: true }));
    }
  }
  for (const n of [1, 2, 3, 5]) {
    rows.push(row({ x: [n, 20, 5, 6], oc: 24, k: 3, pad: 1, residual: n > 1, relu: true }));
    for (const pad of [0, 1, 2]) rows.push(row({ x: [n, 20, 9, 11], oc: 24, k: 3, pad, residual: n > 1, relu: true }));
  }
  return rows;
}

/** Stride 2 at the sizes where compiled networks use Winograd: 3x3 on channels in fours, and 7x7 on three channels. */
function strided(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const c of [16, 20])
    for (const oc of [16, 19, 24]) rows.push(row({ x: [1, c, 15, 16], oc, k: 3, stride: 2, pad: 1, bias: true }));
  for (const n of [1, 2, 3]) {
    const epilogue = { residual: n > 1, relu: n > 2, stride: 2 };
    for (const pad of [0, 1, 2]) rows.push(row({ x: [n, 16, 24, 14 + n], oc: 24, k: 3, pad, ...epilogue }));
    for (const pad of [0, 2, 3])
      rows.push(row({ x: [n, 3, 19 + n, 26], oc: 8 + 8 * n, k: 7, pad, bias: true, ...epilogue }));
  }
  return rows;
}

/** Tiles of Winograd at the right and at the bottom that have one, two or three of four results, and blocks that end inside a picture. */
function borders(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const h of [5, 6, 7, 8, 10])
    for (const w of [6, 8, 9, 10]) {
      rows.push(row({ x: [1, 16, h, w], oc: 18, k: 3, pad: 1, bias: true }));
      rows.push(row({ x: [2, 16, 2 * h, 2 * w], oc: 16, k: 3, stride: 2, pad: 1, relu: h > 6 }));
    }
  for (const n of [1, 2, 3]) {
    rows.push(row({ x: [n, 20, 14, 14], oc: 16, k: 3, pad: 1, residual: n > 1, relu: n > 2 }));
    rows.push(row({ x: [n, 16, 26, 18], oc: 19, k: 3, pad: 1, bias: n > 1 }));
    rows.push(row({ x: [n, 16, 28, 28], oc: 24, k: 3, stride: 2, pad: 1, residual: n > 1 }));
    rows.push(row({ x: [n, 3, 26 + n, 29], oc: 16, k: 7, stride: 2, pad: 3 }));
  }
  return rows;
}

/** 1x1 at the sizes where compiled networks take Strassen's step: odd numbers of pixels, strides, and batches that fill blocks in part. */
function strassen(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const n of [1, 2, 3]) {
    const epilogue = { residual: n > 1, relu: n > 2, k: 1 };
    rows.push(row({ x: [n, 128, 12, 12], oc: 128, bias: true, ...epilogue }));
    rows.push(row({ x: [n, 136, 11, 13], oc: 144, bias: n > 1, ...epilogue }));
    rows.push(row({ x: [n, 128, 23, 25], oc: 128, stride: 2, ...epilogue }));
    rows.push(row({ x: [n, 128, 24, 23], oc: 160, stride: 2, bias: true, ...epilogue }));
  }
  rows.push(row({ x: [1, 128, 12, 12], oc: 136, k: 1 }), row({ x: [1, 132, 12, 12], oc: 128, k: 1 })); // neither
  return rows;
}

/**
 * Weights of several slabs, the last one not full, and of several pieces of k (assembly/slabs.ts); with several threads, shares of panels that begin
 * within a slab and end in the next one.
 */
function slabs(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const n of [1, 2]) {
    const epilogue = { bias: true, residual: n > 1, relu: n > 1 };
    rows.push(row({ x: [n, 264, 9, 8], oc: 152, k: 3, pad: 1, ...epilogue }));
    rows.push(row({ x: [n, 16, 6, 7], oc: 163, k: 3, pad: 1, ...epilogue }));
    rows.push(row({ x: [n, 72, 16, 16], oc: 136, k: 3, stride: 2, pad: 1, ...epilogue }));
    rows.push(row({ x: [n, 3, 17, 18], oc: 136, k: 7, stride: 2, pad: 3, ...epilogue }));
    rows.push(row({ x: [n, 528, 7, 7], oc: 528, k: 1, ...epilogue }));
    rows.push(row({ x: [n, 128, 7, 8], oc: 64, k: 1, ...epilogue }));
    rows.push(row({ x: [n, 24, 8, 8], oc: 152, k: 5, pad: 2, ...epilogue }));
  }
  return rows;
}

/** Few rows and long k, which compiled networks pack: one run of k and several, blocks of whole batches and parts of them. */
function fewRows(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const n of [1, 2, 3]) {
    const epilogue = { bias: n < 3, residual: n > 1, relu: n > 2 };
    rows.push(row({ x: [n, 264, 4, 4 + n], oc: 24, k: 1, ...epilogue }));
    rows.push(row({ x: [n, 12, 12, 11], oc: 16, k: 5, stride: 2, pad: 2, ...epilogue }));
    rows.push(row({ x: [n, 32, 10, 11], oc: 8, k: 3, dilation: 2, ...epilogue }));
    rows.push(row({ x: [n, 1024, 8, 8], oc: 136, k: 1, ...epilogue }));
  }
  return rows;
}

function groupsOf(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const c of [1, 2, 3, 4, 5, 8, 9, 17]) {
    rows.push(row({ x: [2, c, 6, 5], oc: c, k: 3, pad: 1, groups: c, bias: true }));
    rows.push(row({ x: [1, c, 7, 6], oc: 2 * c, k: 3, stride: 2, pad: 1, groups: c }));
  }
  for (const groups of [2, 3, 4, 8, 32]) {
    for (const [input, output] of [
      [1, 3],
      [2, 1],
      [3, 5],
      [4, 4],
      [5, 9],
      [8, 8],
    ] as const) {
      const x = [2, groups * input, 5, 6];
      rows.push(row({ x, oc: groups * output, k: 3, pad: 1, groups, bias: groups % 2 === 0 }));
      rows.push(row({ x, oc: groups * output, k: 1, groups, residual: true, relu: true }));
    }
  }
  return rows;
}

function epilogues(): Case<"conv2d">[] {
  const rows: Case<"conv2d">[] = [];
  for (const bias of [false, true]) {
    for (const residual of [false, true]) {
      for (const relu of [false, true]) {
        rows.push(row({ x: [2, 16, 7, 9], oc: 20, k: 3, pad: 1, bias, residual, relu }));
        rows.push(row({ x: [2, 16, 7, 9], oc: 19, k: 1, bias, residual, relu }));
        rows.push(row({ x: [1, 6, 7, 9], oc: 9, k: 3, stride: 2, pad: 1, groups: 3, bias, residual, relu }));
        rows.push(row({ x: [1, 3, 17, 19], oc: 16, k: 7, stride: 2, pad: 3, bias, residual, relu }));
      }
    }
  }
  return rows;
}

function unique(rows: readonly Case<"conv2d">[]): Case<"conv2d">[] {
  return [...new Map(rows.map((r) => [r.name, r])).values()];
}

export const conv2dCases: readonly Case<"conv2d">[] = unique([
  ...tails(),
  ...windows(),
  ...pictures(),
  ...winograd(),
  ...strided(),
  ...borders(),
  ...strassen(),
  ...slabs(),
  ...fewRows(),
  ...groupsOf(),
  ...epilogues(),
  row({ x: [0, 4, 5, 5], oc: 3, k: 3, pad: 1, bias: true }),
  row({ x: [0, 16, 8, 8], oc: 16, k: 3, pad: 1, bias: true }),
  ...imageNetLayers.map((layer) => layerRow(layer, 1)),
  ...cifarLayers.map((layer) => layerRow(layer, 8)),
]);
