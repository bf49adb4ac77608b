import {
  type Batch,
  backward,
  CifarResNet,
  cifarClassification,
  crossEntropy,
  DataLoader,
  manualSeed,
  openDataset,
  type PreparedData,
  prepare,
  SGD,
  type Tensor,
  tidy,
} from "resnet-ts";
import { patches } from "./patches.ts";
import type { Reply, TrainOptions } from "./protocol.ts";

interface Twin {
  readonly net: CifarResNet;
  readonly optimizer: SGD;
}

let running = 0;
let paused = false;
let wake: (() => void) | undefined;

async function pictures({ data, photograph }: TrainOptions): Promise<PreparedData> {
  if (data === undefined) return patches(photograph);
  return prepare(await openDataset(data), { preprocessing: cifarClassification() });
}

function twin(depth: number, shortcut: TrainOptions["shortcut"], plain: boolean, classes: number): Twin {
  manualSeed(0); // both start from the same weights
  const net = new CifarResNet(depth, { shortcut, numClasses: classes }, plain);
  net.train();
  return { net, optimizer: new SGD(net.namedParameters(), { momentum: 0.9, weightDecay: 1e-4 }) };
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));

/** One step; the gradient's norm of each convolution, in the order of the network. */
function step({ net, optimizer }: Twin, { input, target }: Batch, lr: number) {
  const loss = tidy((): Tensor => crossEntropy(net.forward(input), target));
  backward(loss);
  const value = loss.item();
  loss.dispose();
  const norms: number[] = [];
  for (const [name, { grad }] of net.namedParameters()) {
    if (grad !== null && /conv\d\.weight$/.test(name)) norms.push(norm(grad.dataSync()));
  }
  optimizer.step(lr);
  optimizer.zeroGrad();
  return { loss: value, norms };
}

export async function startTraining(options: TrainOptions) {
  const mine = ++running;
  paused = false;
  wake?.();
  const data = await pictures(options);
  if (data.length < 2)
    throw new Error(`Training needs two pictures or more, ideally hundreds; there is ${data.length}.`);
  void loop(mine, options, data).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    const reply: Reply = { failure: { run: options.run, why } };
    postMessage(reply);
  });
  return { pictures: data.length, classes: data.classes };
}

async function loop(mine: number, { run, depth, shortcut, batch }: TrainOptions, data: PreparedData): Promise<void> {
  const classes = data.classes.length;
  const residual = twin(depth, shortcut, false, classes);
  const plain = twin(depth, shortcut, true, classes);
  const { normalize } = cifarClassification();
  const loader = new DataLoader(data, {
    batch: Math.min(batch, data.length),
    normalize,
    seed: 0,
    augment: {},
    dropSingle: true,
  });
  let count = 0;
  for (let epoch = 0; mine === running; epoch++) {
    for (const next of loader.epoch(epoch, 0)) {
      const started = performance.now();
      count++;
      const lr = 0.05 * Math.min(1, count / 10);
      const found = { residual: step(residual, next, lr), plain: step(plain, next, lr) };
      next.input.dispose();
      next.target.dispose();
      const picturesPerSecond = (2 * next.count * 1000) / (performance.now() - started);
      const reply: Reply = { step: { run, step: count, ...found, picturesPerSecond } };
      postMessage(reply);
      await new Promise((resolve) => setTimeout(resolve)); // messages come in between
      while (paused && mine === running) await new Promise<void>((resolve) => (wake = resolve));
      if (mine !== running) break;
    }
  }
  for (const { net, optimizer } of [residual, plain]) {
    optimizer.dispose();
    net.dispose();
  }
}

export async function pause(now: boolean): Promise<void> {
  paused = now;
  wake?.();
}
