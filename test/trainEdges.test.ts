import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { backward } from "../src/autograd/backward.ts";
import { init } from "../src/init.ts";
import { loadCheckpoint } from "../src/io/checkpoint.ts";
import type { BasicBlock } from "../src/models/blocks.ts";
import { cifarResnet20 } from "../src/models/cifar.ts";
import type { Module } from "../src/nn/module.ts";
import { ReLU } from "../src/nn/relu.ts";
import { crossEntropy } from "../src/ops/crossEntropy.ts";
import { add, relu } from "../src/ops/pointwise.ts";
import { getRngState, manualSeed } from "../src/tensor/random.ts";
import { randn } from "../src/tensor/sample.ts";
import { tidy } from "../src/tensor/scope.ts";
import { type Tensor, tensor, zeros } from "../src/tensor/tensor.ts";
import { evaluateNet } from "../src/train/evaluateNet.ts";
import { finetune, splitByClass } from "../src/train/finetune.ts";
import { fit } from "../src/train/fit.ts";
import type { FitOptions } from "../src/train/fitOptions.ts";
import { DataLoader } from "../src/train/loader.ts";
import { estimateMemory } from "../src/train/memory.ts";
import { AdamW, SGD } from "../src/train/optimizer.ts";
import type { PreparedData } from "../src/train/prepared.ts";
import { cosine, multiStep, oneCycle, stepDecay } from "../src/train/schedule.ts";
import { imageClassification } from "../src/vision/presets.ts";
import { fails } from "./support/fails.ts";
import { tinyData, tinyNet, tinyOptions } from "./support/tinyTraining.ts";

await init();
const normalize = imageClassification().normalize;

function hash(net: Module): string {
  const sum = createHash("sha256");
  for (const [key, t] of net.stateDict()) sum.update(key).update(new Uint8Array(t.dataSync().buffer));
  return sum.digest("hex");
}

const test = suite("training, at its edges");

test("gradients that were there before, and of what the optimiser does not move, change nothing", async () => {
  const run = async (before: boolean) => {
    const net = tinyNet();
    if (before) for (const p of net.parameters()) p.grad = tensor(new Float32Array(p.size).fill(3), p.shape);
    await fit(net, tinyData(), tinyOptions);
    const found = hash(net);
    net.dispose();
    return found;
  };
  assert.is(await run(true), await run(false));
  const net = tinyNet(3, 0);
  const held = () => [...net.parameters()].filter((p) => p.grad !== null).length;
  const norms: number[] = [];
  await fit(net, tinyData(), {
    epochs: 4,
    batch: 22,
    schedule: 0,
    optimizer: new SGD(net.fc.namedParameters()),
    clipNorm: 1e-3,
    onStep({ gradNorm }) {
      norms.push(gradNorm!);
      assert.is(held(), 0);
    },
  });
  // The same pictures and weights in another order: had a step's gradients stayed, norms would differ by the 0.001 that they were scaled to.
  for (const norm of norms) assert.ok(Math.abs(norm - norms[0]!) < 1e-5, `${norms}`);
  const loss = tidy(() => crossEntropy(net.forward(zeros([2, 3, 8, 8])), tensor([0, 1])));
  backward(loss);
  assert.ok(held() > 0, "the test can fail");
  net.dispose();
});

test("a signal during an evaluation stops it; who goes on evaluates first, to the same bits and numbers", async () => {
  const validation = tinyData(24);
  const whole = tinyNet();
  const { history } = await fit(whole, tinyData(), { ...tinyOptions, validation });
  const net = tinyNet();
  const stop = new AbortController();
  let evaluated = 0;
  const large = tinyData(1200);
  net.fc.onForward(() => {
    if (net.training) return;
    evaluated++;
    setTimeout(() => stop.abort());
  });
  let saved = new Uint8Array(0);
  const stopped = await fit(net, tinyData(), {
    ...tinyOptions,
    validation: large,
    signal: stop.signal,
    checkpoint: (file) => {
      saved = file as Uint8Array<ArrayBuffer>;
    },
  });
  assert.equal([stopped.finished, stopped.steps, stopped.history], [false, 6, []]);
  assert.ok(evaluated < 12, `it evaluated all ${evaluated} batches`);
  const again = tinyNet();
  manualSeed(99);
  const resumed = await fit(again, tinyData(), { ...tinyOptions, validation, resume: await loadCheckpoint(saved) });
  const numbers = (lines: typeof history) => lines.map(({ seconds: _, ...rest }) => rest);
  assert.equal(numbers(resumed.history), numbers(history));
  assert.is(hash(again), hash(whole));
  for (const each of [whole, net, again]) each.dispose();
});

function pictures(length: number, side: number): PreparedData {
  const { labels, classes } = tinyData(length);
  const pixels = new Uint8Array(length * side * side * 3).fill(90);
  return { length, channels: 3, height: side, width: side, pixels, labels, classes };
}

test("large pictures are evaluated, and their features computed, a few at a time", async () => {
  const counts: number[] = [];
  const net = tinyNet();
  net.conv.onForward((_module, y) => void counts.push((y as Tensor).shape[0]!));
  for (const [side, length, expected] of [
    [8, 101, [100, 1]],
    [64, 101, [100, 1]],
    [224, 9, [8, 1]],
    [700, 2, [1, 1]],
  ] as const) {
    counts.length = 0;
    await evaluateNet(net, pictures(length, side), { normalize });
    assert.equal(counts, expected, `${side}`);
  }
  counts.length = 0;
  await evaluateNet(net, pictures(9, 224), { normalize, batch: 9 });
  assert.equal(counts, [9]);
  net.dispose();
  const whole = cifarResnet20();
  counts.length = 0;
  whole.conv1.onForward((_module, y) => void counts.push((y as Tensor).shape[0]!));
  await finetune(whole, pictures(9, 224), { normalize, epochs: 1 });
  assert.equal(counts, [8, 1, 8, 1]);
  whole.dispose();
});

test("a data set of more classes than the network's outputs is refused by evaluateNet, and pictures that are none", async () => {
  const net = tinyNet(2);
  await fails(
    () => evaluateNet(net, tinyData(9, 3), { normalize }),
    /evaluateNet: the data has 3 classes and the network's output is \[9,2\]/,
  );
  const [data, validation] = splitByClass(tinyData(9, 3), 0);
  const other = tinyNet();
  await fails(() => fit(other, data, { ...tinyOptions, validation }), /larger than the data: 0 pictures/);
  net.dispose();
  other.dispose();
});

test("options that nobody reads are refused, with the nearest that is read", async () => {
  const net = tinyNet();
  const given = (options: object) => fit(net, tinyData(), { ...tinyOptions, ...options } as FitOptions);
  await fails(() => given({ lr: 0.01 }), /unknown option of fit "lr"/);
  await fails(() => given({ batchSize: 8 }), /unknown option of fit "batchSize"/);
  await fails(() => given({ checkpoints: "x" }), /unknown option of fit "checkpoints"; did you mean "checkpoint"/);
  await fails(() => given({ augment: { padding: 4 } }), /unknown option of augment "padding"/);
  const tuned = { normalize, epoch: 3 };
  await fails(
    () => finetune(cifarResnet20(), tinyData(), tuned),
    /unknown option of finetune "epoch"; did you mean "epochs"/,
  );
  const augment = { flips: true } as object;
  await fails(
    () => new DataLoader(tinyData(), { batch: 2, normalize, augment }),
    /augment "flips"; did you mean "flip"/,
  );
  const schedules: readonly (() => unknown)[] = [
    () => cosine(0.1, { etaMin: 0 } as object),
    () => oneCycle(0.1, { pctStart: 0.5 } as object),
    () => stepDecay(0.1, { every: 1, gama: 1 } as { every: number }),
    () => multiStep(0.1, { milestones: [], last: 1 } as { milestones: number[] }),
  ];
  for (const make of schedules) await fails(make, /unknown option of (cosine|oneCycle|stepDecay|multiStep) "/);
  net.dispose();
});

test("an optimiser of parameters that the network no longer has is refused", async () => {
  const net = cifarResnet20();
  const optimizer = new SGD(net.namedParameters());
  net.resetClassifier(3);
  await fails(
    () => fit(net, tinyData(), { ...tinyOptions, optimizer }),
    /fit: the optimiser's fc.weight is not the network's: make it after/,
  );
  net.dispose();
});

test("an estimate of memory leaves no tensor to the garbage collector", () => {
  const net = tinyNet();
  const seen: Tensor[] = [];
  net.fc.onForward((_module, y) => void seen.push(y as Tensor));
  estimateMemory(net, [2, 3, 8, 8]);
  assert.equal(
    seen.map((y) => y.disposed),
    [true],
  );
  net.dispose();
});

test("an estimate of memory draws nothing from the generator", () => {
  const net = tinyNet();
  const before = getRngState();
  estimateMemory(net, [2, 3, 8, 8]);
  assert.equal(getRngState(), before);
  net.dispose();
});

test("blocks that draw by themselves draw the same when they are recomputed", async () => {
  class Noise extends ReLU {
    override forward(x: Tensor): Tensor {
      return tidy(() => relu(add(x, randn(x.shape))));
    }
  }
  const run = async (recompute: boolean): Promise<string> => {
    const net = tinyNet();
    for (const block of net.layer1) (block as BasicBlock).relu = new Noise();
    await fit(net, tinyData(), { ...tinyOptions, epochs: 1, recompute });
    const bits = [...net.stateDict().values()].map((t) => t.dataSync().join()).join("\n");
    net.dispose();
    return bits;
  };
  assert.is(await run(true), await run(false));
});

test("groups of parameters with options that nobody reads, or values that make no sense; gradients of another shape", () => {
  const p = tensor([1, 2]);
  p.requiresGrad = true;
  const parameters = [["p", p]] as const;
  const group = (options: object) => () => new SGD([{ parameters, ...options }], { momentum: 0.9 });
  assert.throws(group({ lr: 0.5 }), /unknown option of a group of SGD "lr"/);
  assert.throws(group({ weight_decay: 0.5 }), /a group of SGD "weight_decay"; did you mean "weightDecay"/);
  assert.throws(group({ weightDecay: -1 }), /SGD: weightDecay must be a number of at least 0, got -1/);
  assert.throws(group({ lrScale: Number.NaN }), /SGD: lrScale must be a number of at least 0, got NaN/);
  p.grad = tensor([[1, 2]]);
  const optimizer = new AdamW(parameters);
  assert.throws(() => optimizer.step(0.1), /^AdamW: p has the shape \[2\], its gradient \[1, 2\]/);
  assert.equal([...p.dataSync()], [1, 2]);
  for (const t of [p, optimizer]) t.dispose();
});

test("a run goes on where its options are written in another order", async () => {
  const stop = new AbortController();
  let saved = new Uint8Array(0);
  const net = tinyNet();
  await fit(net, tinyData(), {
    ...tinyOptions,
    augment: { pad: 1, flip: true },
    signal: stop.signal,
    checkpoint: (file) => {
      saved = file as Uint8Array<ArrayBuffer>;
    },
    onStep: () => stop.abort(),
  });
  const resume = await loadCheckpoint(saved);
  const options = { ...tinyOptions, resume, augment: { flip: true, pad: 1 } };
  assert.ok((await fit(net, tinyData(), options)).finished);
  await fails(
    () => fit(net, tinyData(), { ...options, augment: { flip: true, pad: 2 } }),
    /augment was {"pad":1,"flip":true} and is {"flip":true,"pad":2}/,
  );
  net.dispose();
});

test.run();
