import type { Case, CaseOp, CaseTable } from "./case.ts";
import { conv2dCases } from "./conv2d.ts";
import { linearCases } from "./linear.ts";
import { addCases, batchNormCases, mulScalarCases, reluCases, softmaxCases } from "./pointwise.ts";
import { adaptiveAvgPool2dCases, adaptiveMaxPool2dCases, avgPool2dCases, maxPool2dCases } from "./pool2d.ts";
import { flattenCases, pad2dCases, padShortcutCases } from "./shape.ts";

/** Every row of every op. An op without a table is a compile error. */
export const cases: CaseTable = {
  conv2d: conv2dCases,
  linear: linearCases,
  maxPool2d: maxPool2dCases,
  avgPool2d: avgPool2dCases,
  adaptiveAvgPool2d: adaptiveAvgPool2dCases,
  adaptiveMaxPool2d: adaptiveMaxPool2dCases,
  batchNorm: batchNormCases,
  relu: reluCases,
  add: addCases,
  padShortcut: padShortcutCases,
  softmax: softmaxCases,
  pad2d: pad2dCases,
  flatten: flattenCases,
  mulScalar: mulScalarCases,
};

export const opNames = Object.keys(cases) as CaseOp[];

/** The rows of one op, for loops over all of them. */
export function casesOf(op: CaseOp): readonly Case[] {
  return cases[op] as readonly Case[];
}
