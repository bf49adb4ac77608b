import { noGrad } from "../autograd/apply.ts";
import { backward } from "../autograd/backward.ts";
import { clearTape } from "../autograd/tape.ts";
import type { PictureNet } from "../models/pictureNet.ts";
import type { Linear } from "../nn/linear.ts";
import { checkNet } from "../nn/module.ts";
import { crossEntropy } from "../ops/crossEntropy.ts";
import { checkOptions, checkShares, checkWhole } from "../options.ts";
import { Generator } from "../tensor/random.ts";
import { tidy } from "../tensor/scope.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import type { Normalization } from "../vision/presets.ts";
import { checkData, checkTrainable, subset } from "./data.ts";
import { countCorrect, usualBatch } from "./evaluateNet.ts";
import { DataLoader, type DataWorkerOptions, type TrainingData, workerOptions } from "./loader.ts";
import { AdamW } from "./optimizer.ts";
import { cosine } from "./schedule.ts";

export interface FinetuneOptions extends DataWorkerOptions {
  readonly normalize: Normalization;
  /** Passes of the new classifier over the features; 100 by default. */
  readonly epochs?: number;
  /** Highest learning rate, from which a cosine goes down; 0.01 by default. */
  readonly lr?: number;
  readonly weightDecay?: number;
  /** Pictures at a time through the network; 64 by default, fewer where they are large: 8 of 224x224. */
  readonly batch?: number;
  /** Of the order of features. */
  readonly seed?: number;
  /** Pictures whose features are computed, mirror images as well. */
  readonly onFeatures?: (done: number, total: number) => void;
  /** After each pass: its number from 1, and its mean loss. */
  readonly onEpoch?: (epoch: number, loss: number) => void;
}

/** Pooled features of pictures, [length][width]. */
interface Features {
  readonly values: Float32Array;
  readonly width: number;
  readonly labels: Uint16Array;
}

/**
 * Transfer learning: the network's classifier is replaced by a new one for the classes of `data` and only that is trained. Every
 * picture and its mirror image go through the frozen network once; the classifier then learns from the kept features, which
 * takes seconds. The network is in evaluation mode and its parameters frozen but for the classifier's; `fit` can go on with all.
 * @returns how many of the pictures are right in the end (not mirrored)
 */
export async function finetune(
  net: PictureNet,
  data: TrainingData,
  options: FinetuneOptions,
): Promise<{ readonly correct: number; readonly count: number; readonly loss: number }> {
  const known = "normalize epochs lr weightDecay batch seed onFeatures onEpoch numWorkers prefetchFactor dataWorker";
  checkNet("finetune", net);
  checkOptions("finetune", options, known);
  checkTrainable(data);
  const { epochs = 100, lr = 0.01, weightDecay = 0.05, seed = 0 } = options;
  checkWhole("finetune", { epochs });
  net.requiresGrad(false);
  const plain = await features(net, data, options, false);
  const mirror = await features(net, data, options, true);
  const scale = standardisation(plain);
  const all = new Float32Array(2 * plain.values.length);
  all.set(standardised(plain, scale));
  all.set(standardised(mirror, scale), plain.values.length);
  const labels = new Uint16Array(2 * data.length);
  labels.set(data.labels);
  labels.set(data.labels, data.length);

  net.resetClassifier(data.classes.length);
  const head = net.fc as Linear;
  head.weight.set(new Float32Array(head.weight.size));
  head.bias!.set(new Float32Array(head.bias!.size));
  head.requiresGrad(true);
  const loss = await trainHead(
    head,
    { values: all, width: plain.width, labels },
    { epochs, lr, weightDecay, seed },
    options,
  );
  const correct = countCorrect(await logits(head, standardised(plain, scale), plain.width), data.labels);
  await fold(head, scale);
  return { correct, count: data.length, loss };
}

/** Divides pictures into two parts, class by class. @param share of each class for the second part; a class keeps at least one in the first */
export function splitByClass<T extends TrainingData>(data: T, share: number, seed = 0): readonly [T, T] {
  checkData("splitByClass", data);
  checkShares("splitByClass", { share });
  const order = new Generator(seed).randperm(data.length);
  const left = new Map<number, number>();
  for (const label of data.labels) left.set(label, (left.get(label) ?? 0) + 1);
  for (const [label, count] of left) left.set(label, Math.min(count - 1, Math.round(count * share)));
  const [first, second]: [number[], number[]] = [[], []];
  for (const index of order) {
    const label = data.labels[index]!;
    const open = left.get(label)!;
    (open > 0 ? second : first).push(index);
    left.set(label, open - 1);
  }
  return [
    subset(
      data,
      first.sort((a, b) => a - b),
    ),
    subset(
      data,
      second.sort((a, b) => a - b),
    ),
  ];
}

async function features(
  net: PictureNet,
  data: TrainingData,
  options: FinetuneOptions,
  mirrored: boolean,
): Promise<Features> {
  const { normalize, batch = usualBatch(data, 64), onFeatures } = options;
  net.eval();
  const loader = new DataLoader(data, {
    ...workerOptions(options),
    batch: Math.min(batch, data.length),
    normalize,
    shuffle: false,
    mirrored,
  });
  const values = new Float32Array(data.length * net.numFeatures);
  let done = 0;
  try {
    for await (const { input, target, count } of loader.batches(0)) {
      const feature = noGrad(() => tidy(() => net.pool(net.forwardFeatures(input)).keep()));
      values.set(await feature.data(), done * net.numFeatures);
      for (const t of [feature, input, target]) t.dispose();
      done += count;
      onFeatures?.((mirrored ? data.length : 0) + done, 2 * data.length);
    }
  } finally {
    loader.dispose();
  }
  return { values, width: net.numFeatures, labels: data.labels };
}

interface Scale {
  readonly mean: Float64Array;
  readonly std: Float64Array;
}

/** Features with mean 0 and deviation 1 are learned from equally fast, whatever the network. */
function standardisation({ values, width }: Features): Scale {
  const n = values.length / width;
  const mean = new Float64Array(width);
  const std = new Float64Array(width);
  values.forEach((v, i) => {
    mean[i % width]! += v / n;
  });
  values.forEach((v, i) => {
    std[i % width]! += (v - mean[i % width]!) ** 2 / n;
  });
  // A feature that never changes says nothing.
  return { mean, std: std.map((v) => (v > 1e-12 ? Math.sqrt(v) : Number.POSITIVE_INFINITY)) };
}

function standardised({ values, width }: Features, { mean, std }: Scale): Float32Array {
  return values.map((v, i) => (v - mean[i % width]!) / std[i % width]!);
}

/** The classifier of standardised features as one of plain features. */
async function fold({ weight, bias }: Linear, { mean, std }: Scale): Promise<void> {
  const width = mean.length;
  const w = (await weight.data()).map((v, i) => v / std[i % width]!);
  const b = (await bias!.data()).map((v, k) => {
    let shift = 0;
    for (let i = 0; i < width; i++) shift += w[k * width + i]! * mean[i]!;
    return v - shift;
  });
  weight.set(w);
  bias!.set(b);
}

async function logits(head: Linear, values: Float32Array, width: number): Promise<Float32Array> {
  const y = noGrad(() => tidy(() => head.forward(tensor(values, [values.length / width, width])).keep()));
  const found = await y.data();
  y.dispose();
  return found;
}

const headBatch = 64;

async function trainHead(
  head: Linear,
  { values, width, labels }: Features,
  { epochs, lr, weightDecay, seed }: { epochs: number; lr: number; weightDecay: number; seed: number },
  { onEpoch }: FinetuneOptions,
): Promise<number> {
  const optimizer = new AdamW(head.namedParameters(), { weightDecay });
  const schedule = cosine(lr);
  const n = labels.length;
  const perEpoch = Math.ceil(n / headBatch);
  let mean = 0;
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = new Generator(1000 * (seed + 1) + epoch).randperm(n);
      mean = 0;
      for (let step = 0; step < perEpoch; step++) {
        const picked = order.slice(step * headBatch, (step + 1) * headBatch);
        const rows = new Float32Array(picked.length * width);
        picked.forEach((from, i) => {
          rows.set(values.subarray(from * width, (from + 1) * width), i * width);
        });
        const target = Float32Array.from(picked, (i) => labels[i]!);
        const loss: Tensor = tidy(() =>
          crossEntropy(head.forward(tensor(rows, [picked.length, width])), tensor(target, [picked.length])).keep(),
        );
        backward(loss);
        mean += ((await loss.data())[0]! * picked.length) / n;
        loss.dispose();
        optimizer.step(schedule(epoch * perEpoch + step, epochs * perEpoch, perEpoch));
        optimizer.zeroGrad();
      }
      onEpoch?.(epoch + 1, mean);
    }
  } finally {
    clearTape();
    optimizer.zeroGrad();
    optimizer.dispose();
  }
  return mean;
}
