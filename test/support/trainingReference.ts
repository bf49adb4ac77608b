import type { OpAttrs } from "../../src/backend/backend.ts";
import { numel } from "../../src/tensor/shape.ts";
import type { Values } from "./values.ts";

type Inputs = readonly (Values | null)[];
type TrainingForward = "batchNormTrain" | "crossEntropy" | "mul";

/** The first output of the training ops' forward passes by their definitions, in 64 bits: what central differences are taken of. */
export const trainingReferences: {
  readonly [K in TrainingForward]: (attrs: OpAttrs[K], inputs: Inputs) => Float64Array;
} = {
  /** Ioffe and Szegedy 2015, algorithm 1: biased variance of the batch, per channel; then the residual, then ReLU. */
  batchNormTrain({ eps, relu }, [x, weight, bias, , , residual]) {
    const [n, c, ...picture] = x!.shape as [number, number, ...number[]];
    const inner = numel(picture);
    const y = new Float64Array(x!.data.length);
    for (let k = 0; k < c; k++) {
      const own: number[] = [];
      for (let i = 0; i < n; i++) for (let p = 0; p < inner; p++) own.push((i * c + k) * inner + p);
      const mean = own.reduce((sum, at) => sum + x!.data[at]!, 0) / own.length;
      const variance = own.reduce((sum, at) => sum + (x!.data[at]! - mean) ** 2, 0) / own.length;
      for (const at of own) {
        const scaled = ((x!.data[at]! - mean) / Math.sqrt(variance + eps)) * (weight?.data[k] ?? 1);
        const value = scaled + (bias?.data[k] ?? 0) + (residual?.data[at] ?? 0);
        y[at] = relu ? Math.max(0, value) : value;
      }
    }
    return y;
  },

  /** Mean of -Σ t log softmax(logits), where t is the target mixed with the uniform distribution. */
  crossEntropy({ labelSmoothing }, [logits, target]) {
    const [n, k] = logits!.shape as [number, number];
    let loss = 0;
    for (let i = 0; i < n; i++) {
      const row = logits!.data.subarray(i * k, (i + 1) * k);
      const max = Math.max(...row);
      const log = max + Math.log(row.reduce((sum, v) => sum + Math.exp(v - max), 0));
      for (let j = 0; j < k; j++) {
        const given = target!.shape.length === 2 ? target!.data[i * k + j]! : target!.data[i] === j ? 1 : 0;
        loss -= (given * (1 - labelSmoothing) + labelSmoothing / k) * (row[j]! - log);
      }
    }
    return Float64Array.of(loss / n);
  },

  mul(_attrs, [a, b]) {
    const each = a!.data.length / b!.data.length;
    return a!.data.map((v, i) => v * b!.data[Math.floor(i / each)]!);
  },
};
