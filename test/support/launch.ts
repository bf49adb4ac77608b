import type { OpDefinition } from "../../src/autograd/definition.ts";
import type { View } from "../../src/backend/backend.ts";
import { currentBackend } from "../../src/backend/current.ts";
import { batchNormOp } from "../../src/ops/batchNorm.ts";
import { conv2dOp } from "../../src/ops/conv2d.ts";
import { linearOp } from "../../src/ops/linear.ts";
import { addOp, mulScalarOp, reluOp } from "../../src/ops/pointwise.ts";
import { avgPool2dOp, maxPool2dOp } from "../../src/ops/pool2d.ts";
import { flattenOp, pad2dOp, padShortcutOp } from "../../src/ops/shape.ts";
import { softmaxOp } from "../../src/ops/softmax.ts";
import { tidy } from "../../src/tensor/scope.ts";
import { numel, type Shape } from "../../src/tensor/shape.ts";
import { Tensor, tensor } from "../../src/tensor/tensor.ts";
import type { Case, CaseOp } from "../cases/case.ts";
import type { Values } from "./values.ts";

/** Every op's definition; null where a row must say the output's shape itself. */
export const definitions: { readonly [K in CaseOp]: OpDefinition<K> | null } = {
  conv2d: conv2dOp,
  linear: linearOp,
  maxPool2d: maxPool2dOp,
  avgPool2d: avgPool2dOp,
  adaptiveAvgPool2d: null,
  adaptiveMaxPool2d: null,
  batchNorm: batchNormOp,
  relu: reluOp,
  add: addOp,
  padShortcut: padShortcutOp,
  softmax: softmaxOp,
  pad2d: pad2dOp,
  flatten: flattenOp,
  mulScalar: mulScalarOp,
};

/** The output's shape, as src/ops has it. */
export function outputShape<K extends CaseOp>(op: K, row: Case<K>): Shape {
  if (row.output !== undefined) return row.output;
  const definition = definitions[op] as OpDefinition<K> | null;
  return definition!.shapes(row.attrs, row.shapes)[0]!;
}

/** Multiply-accumulates of a row, 0 for ops that are bound by memory. */
export function macsOf<K extends CaseOp>(op: K, row: Case<K>): number {
  const definition = definitions[op] as OpDefinition<K> | null;
  return definition?.macs?.(row.attrs, row.shapes, [outputShape(op, row)]) ?? 0;
}

/**
 * Runs a row on the current backend and returns the output in row-major order. The output is NaN beforehand, so that a
 * value nobody writes is noticed, and inputs must be the same afterwards.
 */
export function launchRow<K extends CaseOp>(op: K, row: Case<K>, inputs: readonly (Values | null)[]): Float32Array {
  return tidy(() => {
    const given = inputs.map((v) => (v === null ? null : tensor(Float32Array.from(v.data), v.shape)));
    const shape = outputShape(op, row);
    const y = Tensor.empty(shape).set(new Float32Array(numel(shape)).fill(Number.NaN));
    currentBackend().launch(op, row.attrs, given as readonly (View | null)[], [y]);
    given.forEach((t, i) => {
      if (t === null) return;
      const now = t.dataSync();
      const before = inputs[i]!.data;
      for (let j = 0; j < now.length; j++) {
        if (!Object.is(now[j], before[j]) && now[j] !== before[j]) {
          throw new Error(`${op} ${row.name}: input ${i} was overwritten at ${j}: ${before[j]} became ${now[j]}`);
        }
      }
    });
    return y.dataSync();
  });
}
