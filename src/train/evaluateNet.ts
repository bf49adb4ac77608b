import { noGrad } from "../autograd.ts";
import type { Module } from "../nn/module.ts";
import { crossEntropy } from "../ops/crossEntropy.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Normalization } from "../vision/presets.ts";
import { DataLoader } from "./loader.ts";
import type { PreparedData } from "./prepared.ts";

/** What `evaluateNet` counted. */
export interface Evaluation {
  /** Mean cross-entropy. */
  readonly loss: number;
  readonly correct: number;
  readonly count: number;
}

/** How many rows of logits [n, k] have their largest value (the first of equals) at the label. */
export function countCorrect(logits: Float32Array, labels: Uint16Array): number {
  const k = logits.length / labels.length;
  let correct = 0;
  for (let i = 0; i < labels.length; i++) {
    let best = i * k;
    for (let j = best + 1; j < (i + 1) * k; j++) if (logits[j]! > logits[best]!) best = j;
    if (best - i * k === labels[i]) correct++;
  }
  return correct;
}

/** Loss and accuracy in evaluation mode. The network is left in the mode that it was in. */
export async function evaluateNet(
  net: Module,
  data: PreparedData,
  options: { readonly normalize: Normalization; readonly batch?: number },
): Promise<Evaluation> {
  const modes = [...net.modules()].map((m) => [m, m.training] as const);
  net.eval();
  const loader = new DataLoader(data, {
    batch: Math.min(options.batch ?? 100, data.length),
    normalize: options.normalize,
    shuffle: false,
  });
  let sum = 0;
  let correct = 0;
  try {
    for (const { input, target, labels, count } of loader.epoch(0)) {
      const [logits, loss] = noGrad(() =>
        tidy((): [Tensor, Tensor] => {
          const y = net.forward(input);
          return [y.keep(), crossEntropy(y, target).keep()];
        }),
      );
      sum += (await loss.data())[0]! * count;
      correct += countCorrect(await logits.data(), labels);
      for (const t of [logits, loss, input, target]) t.dispose();
    }
  } finally {
    for (const [m, training] of modes) m.training = training;
  }
  return { loss: sum / data.length, correct, count: data.length };
}
