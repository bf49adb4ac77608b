import { noGrad } from "../autograd/apply.ts";
import { ArgumentError } from "../errors.ts";
import { checkNet, type Module } from "../nn/module.ts";
import { Softmax } from "../nn/softmax.ts";
import { crossEntropy } from "../ops/crossEntropy.ts";
import { checkOptions } from "../options.ts";
import { log } from "../tensor/math.ts";
import { tidy } from "../tensor/scope.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Normalization } from "../vision/presets.ts";
import { checkData } from "./data.ts";
import { DataLoader, type DataWorkerOptions, type TrainingData } from "./loader.ts";
import { turn } from "./turn.ts";

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

/** Whether a network gives probabilities, as Keras's do; the loss is defined on logits. */
export function endsInSoftmax(net: Module): boolean {
  return [...net.modules()].at(-1) instanceof Softmax;
}

/** Sum of the cross-entropies of rows of probabilities [n, k]. */
function lossOfProbabilities(values: Float32Array, labels: Uint16Array): number {
  const k = values.length / labels.length;
  return labels.reduce((sum, label, i) => sum - log(values[i * k + label]!), 0);
}

/** How `evaluateNet` reads pictures. */
export interface EvaluateOptions extends DataWorkerOptions {
  readonly normalize: Normalization;
  /** 100 by default, fewer where pictures are larger than 64x64: 8 of 224x224. */
  readonly batch?: number;
}

/** Pictures at a time through a network: at most so many, and so few that 100 of ResNeXt-101's 224x224 do not want 4 GiB. */
export function usualBatch({ length, height, width }: TrainingData, most: number): number {
  return Math.max(1, Math.min(most, length, Math.floor((100 * 64 * 64) / (height * width))));
}

/**
 * Loss and accuracy in evaluation mode, of a network that gives logits or, with a softmax at its end, probabilities. The network is left
 * in the mode that it was in.
 * @throws ArgumentError where the network gives fewer classes than the data has
 */
export async function evaluateNet(net: Module, data: TrainingData, options: EvaluateOptions): Promise<Evaluation> {
  checkNet("evaluateNet", net);
  const loader = evaluationLoader(data, options);
  try {
    return (await evaluateBatches(net, loader))!; // nothing stops it
  } finally {
    loader.dispose();
  }
}

/** Pictures in their order, as they are. */
export function evaluationLoader(data: TrainingData, options: EvaluateOptions): DataLoader {
  checkData("evaluateNet", data);
  checkOptions("evaluateNet", options);
  const batch = options.batch === undefined ? usualBatch(data, 100) : Math.min(options.batch, data.length || 1);
  return new DataLoader(data, { ...options, batch, shuffle: false });
}

/** `evaluateNet` on a loader that is used again. Undefined when the signal stopped it. */
export async function evaluateBatches(
  net: Module,
  loader: DataLoader,
  signal?: AbortSignal,
): Promise<Evaluation | undefined> {
  const modes = [...net.modules()].map((m) => [m, m.training] as const);
  net.eval();
  const probable = endsInSoftmax(net);
  let sum = 0;
  let correct = 0;
  try {
    for await (const { input, target, labels, count } of loader.batches(0)) {
      try {
        if (signal) await turn();
        if (signal?.aborted) return undefined;
        const [logits, loss] = noGrad(() =>
          tidy((): [Tensor, Tensor] => {
            const y = net.forward(input);
            checkOutputs("evaluateNet", y.shape, loader.data);
            const loss = crossEntropy(y, target);
            return [y.keep(), loss.keep()];
          }),
        );
        const values = await logits.data();
        sum += probable ? lossOfProbabilities(values, labels) : (await loss.data())[0]! * count;
        correct += countCorrect(values, labels);
        logits.dispose();
        loss.dispose();
      } finally {
        input.dispose();
        target.dispose();
      }
    }
  } finally {
    for (const [m, training] of modes) m.training = training;
  }
  const { length } = loader.data;
  return { loss: sum / length, correct, count: length };
}

/** @throws ArgumentError where a label would be read from beside the outputs */
export function checkOutputs(who: string, shape: Shape, { classes }: TrainingData): void {
  if (shape.length !== 2 || shape[1]! < classes.length) {
    throw new ArgumentError(
      `${who}: the data has ${classes.length} classes and the network's output is [${shape}]; its labels would be out of range`,
    );
  }
}
