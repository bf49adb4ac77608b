import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { backward } from "../src/autograd/backward.ts";
import { info, init } from "../src/init.ts";
import { loadCheckpoint } from "../src/io/checkpoint.ts";
import { saveSafetensors } from "../src/io/saveSafetensors.ts";
import { Dropout, StochasticDepth } from "../src/nn/dropout.ts";
import { Linear } from "../src/nn/linear.ts";
import type { Module } from "../src/nn/module.ts";
import { add } from "../src/ops/pointwise.ts";
import { writeFileAtomic } from "../src/platform/nodeWrite.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { tidy } from "../src/tensor/scope.ts";
import { ones, type Tensor, tensor } from "../src/tensor/tensor.ts";
import { encodeRun, restoreRun } from "../src/train/checkpoint.ts";
import { clipGradNorm } from "../src/train/clip.ts";
import { evaluateNet } from "../src/train/evaluateNet.ts";
import { fit } from "../src/train/fit.ts";
import type { FitOptions } from "../src/train/fitOptions.ts";
import { DataLoader } from "../src/train/loader.ts";
import { estimateMemory } from "../src/train/memory.ts";
import { prepareOnDemand } from "../src/train/onDemand.ts";
import { AdamW, SGD } from "../src/train/optimizer.ts";
import { prepare } from "../src/train/prepared.ts";
import { cosine, multiStep, oneCycle, stepDecay, warmUp } from "../src/train/schedule.ts";
import type { ImageDataset } from "../src/vision/datasets.ts";
import { imageClassification } from "../src/vision/presets.ts";
import { fails } from "./support/fails.ts";
import { tinyData, tinyNet, tinyOptions } from "./support/tinyTraining.ts";

await init();
const folder = mkdtempSync(join(tmpdir(), "resnet-ts-train-"));
const normalize = imageClassification().normalize;

function hash(net: Module): string {
  const sum = createHash("sha256");
  for (const [key, t] of net.stateDict()) sum.update(key).update(new Uint8Array(t.dataSync().buffer));
  return sum.digest("hex");
}

async function trained(options: Partial<FitOptions> = {}): Promise<string> {
  const net = tinyNet();
  await fit(net, tinyData(), { ...tinyOptions, ...options });
  const found = hash(net);
  net.dispose();
  return found;
}

const near = (found: ArrayLike<number>, expected: readonly number[], bound: number) => {
  assert.is(found.length, expected.length);
  for (const [i, e] of expected.entries()) {
    assert.ok(Math.abs(found[i]! - e) <= bound, `${i}: ${found[i]}, expected ${e}`);
  }
};

const test = suite("training");
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("optimisers: five steps as PyTorch's (float64)", () => {
  const run = (make: (p: [string, Tensor][]) => SGD | AdamW) => {
    const p = tensor([1, -2, 3]);
    p.requiresGrad = true;
    const optimizer = make([["p", p]]);
    for (let t = 0; t < 5; t++) {
      const v = p.dataSync();
      p.grad = tensor([0.1, 0.2, 0.3].map((f, i) => v[i]! * f + 0.01 * t));
      optimizer.step(0.1);
      optimizer.zeroGrad();
    }
    optimizer.dispose();
    const found = p.dataSync();
    p.dispose();
    return found;
  };
  near(
    run((p) => new SGD(p)),
    [0.9410895508999999, -1.8176435856, 2.5664976041],
    1e-6,
  );
  near(
    run((p) => new SGD(p, { momentum: 0.9, weightDecay: 0.01 })),
    [0.840788597922549, -1.492973310823998, 1.8467615878653472],
    1e-6,
  );
  near(
    run((p) => new SGD(p, { momentum: 0.9, weightDecay: 0.01, nesterov: true })),
    [0.796874178171569, -1.3771199026305347, 1.5971819474239068],
    1e-6,
  );
  near(
    run((p) => new AdamW(p, { weightDecay: 0.05 })),
    [0.48041882949385056, -1.4610970876658798, 2.4321019711153014],
    1e-6,
  );
});

test("groups: a frozen parameter stays, a scaled rate is scaled, and no parameter is in two", async () => {
  const [a, b, c] = [tensor([1]), tensor([1]), tensor([1])];
  for (const t of [a, b, c]) {
    t.requiresGrad = true;
    t.grad = tensor([1]);
  }
  c.requiresGrad = false;
  const groups = [
    { parameters: [["a", a]] as [string, Tensor][], lrScale: 0.1 },
    {
      parameters: [
        ["b", b],
        ["c", c],
      ] as [string, Tensor][],
    },
  ];
  new SGD(groups).step(0.5);
  near([a.item(), b.item(), c.item()], [0.95, 0.5, 1], 1e-7);
  await fails(
    () => new SGD([...groups, { parameters: [["d", a]] as [string, Tensor][] }]),
    /the parameter d is in two groups/,
  );
  for (const Optimizer of [SGD, AdamW]) {
    const twice: [string, Tensor][] = [
      ["weight", a],
      ["weight", b],
    ];
    await fails(() => new Optimizer(twice), /two parameters are called weight; names are keys of the state/);
    const groups = twice.map((entry) => ({ parameters: [entry] }));
    await fails(() => new Optimizer(groups), /two parameters are called weight; names are keys of the state/);
  }
  await fails(() => new SGD([["a", a]]).step(Number.NaN), /learning rate must be at least 0 and finite, got NaN/);
  for (const t of [a, b, c]) t.dispose();
});

test("AdamW counts each parameter's own updates, as PyTorch does, and a checkpoint keeps the counts", async () => {
  const net = new Linear(1, 1);
  const { weight } = net;
  const bias = net.bias!;
  for (const p of [weight, bias]) p.set([1]);
  const step = (optimizer: AdamW, both: boolean) => {
    weight.grad = tensor([1], weight.shape);
    if (both) bias.grad = tensor([1]);
    optimizer.step(both ? 0.01 : 1e-6);
    optimizer.zeroGrad();
  };
  const make = () => new AdamW(net.namedParameters(), { weightDecay: 0 });
  const about = (optimizer: AdamW) => ({ net, optimizer, ema: undefined, settings: {} });
  const first = make();
  for (let i = 0; i < 1000; i++) step(first, false);
  step(first, true);
  near([1 - bias.item()], [0.01], 1e-6); // torch: 0.00999999
  const progress = { epoch: 0, batch: 0, lossSum: 0, correct: 0, seen: 0, history: [] };
  const file = await encodeRun(about(first), progress);
  step(first, true);
  const expected = [weight.item(), bias.item()];
  const second = make();
  restoreRun(await loadCheckpoint(file), about(second));
  assert.equal(second.fewerUpdates(), { bias: 1 });
  step(second, true);
  assert.equal([weight.item(), bias.item()], expected);
  // Files from before say the number of steps only: all parameters are counted alike.
  const state = new Map(
    [...first.stateTensors()].map(([key, t]) => [key, { shape: t.shape, read: () => t.dataSync() }]),
  );
  const third = make();
  third.restore(state, first.steps);
  assert.equal([third.steps, third.fewerUpdates()], [1002, {}]);
  for (const t of [first, second, third, net]) t.dispose();
});

test("schedules: PyTorch's rates", () => {
  const rates = (s: (step: number, total: number, perEpoch: number) => number) =>
    Array.from({ length: 10 }, (_, t) => s(t, 10, 1));
  near(
    rates(oneCycle(0.4)),
    [
      0.016, 0.208, 0.4, 0.38019385280538953, 0.3246982615799052, 0.24450480877451572, 0.1554967912254843,
      0.0753033384200948, 0.019807747194610516, 1.6e-6,
    ],
    1e-12,
  );
  near(
    rates(cosine(0.4, { min: 0.01 })),
    [
      0.4, 0.39045602067755497, 0.36275831390311475, 0.3196181241970323, 0.2652583139031148, 0.205, 0.14474168609688529,
      0.09038187580296776, 0.047241686096885276, 0.019543979322445063,
    ],
    1e-12,
  );
  near(
    rates(multiStep(0.4, { milestones: [3, 7] })),
    [0.4, 0.4, 0.4, 0.04, 0.04, 0.04, 0.04, 0.004, 0.004, 0.004],
    1e-12,
  );
  near(rates(stepDecay(0.4, { every: 4, gamma: 0.5 })), [0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1], 1e-12);
  near(rates(warmUp(0.2, cosine(0.2))).slice(0, 3), [0.1, 0.2, 0.2], 1e-12);
  // 0.2 of these is no whole number of steps.
  for (const total of [1, 2, 4, 19]) {
    const rising = warmUp(0.2, cosine(0.2));
    for (let t = 0; t < total; t++) assert.ok(rising(t, total, 1) <= 0.2 + 1e-15, `${t} of ${total}`);
  }
  assert.is(oneCycle(0.4, { rise: 0.1 })(0, 10, 1), 0.4);
});

test("schedules: a warm-up as long as the run or longer, and a cycle that rises for one step, are numbers", () => {
  const all = (s: (step: number, total: number, perEpoch: number) => number, total: number) =>
    Array.from({ length: total }, (_, t) => s(t, total, 1));
  near(all(warmUp(4, cosine(0.2)), 4), [0.05, 0.1, 0.15, 0.2], 1e-12);
  near(all(warmUp(8, cosine(0.2)), 4), [0.025, 0.05, 0.075, 0.1], 1e-12);
  for (const then of [cosine(0.2), oneCycle(0.2), stepDecay(0.2, { every: 3 }), multiStep(0.2, { milestones: [2] })]) {
    for (const length of [9, 10, 20]) assert.ok(all(warmUp(length, then), 10).every(Number.isFinite), `${length}`);
  }
  near([all(oneCycle(0.1, { rise: 0.1 }), 10)[0]!], [0.1], 1e-12);
  near(all(oneCycle(0.1, { rise: 1 }), 1), [0.1], 1e-12);
});

test("dropout and stochastic depth: PyTorch's masks after manual_seed(3)", () => {
  manualSeed(3);
  const dropped = new Dropout(0.3).forward(ones([2, 3, 2, 2]));
  const zeros = [2, 4, 9, 14, 18];
  near(
    dropped.dataSync(),
    Array.from({ length: 24 }, (_, i) => (zeros.includes(i) ? 0 : 1.4285714626312256)),
    1e-6,
  );
  manualSeed(3);
  const deep = new StochasticDepth(0.4).forward(ones([6, 1, 1, 1]));
  near(
    deep.dataSync(),
    [1, 1, 0, 1, 0, 0].map((v) => v * 1.6666666269302368),
    1e-6,
  );
  assert.is(new Dropout(0.3).eval().forward(dropped), dropped);
  dropped.dispose();
  deep.dispose();
});

test("clipping: PyTorch's norm and gradients", async () => {
  const a = tensor([0, 0, 0]);
  const b = tensor([0, 0]);
  a.grad = tensor([3, 4, 0]);
  b.grad = tensor([0, 12]);
  near([await clipGradNorm([a, b], 2)], [13], 1e-6);
  near(a.grad.dataSync(), [0.4615384340286255, 0.615384578704834, 0], 1e-6);
  near(b.grad.dataSync(), [0, 1.846153736114502], 1e-6);
  a.dispose();
  b.dispose();
});

test("clipping: gradients that share their memory are scaled once each", async () => {
  const [a, b] = [tensor([1, 2]), tensor([3, 4])];
  a.requiresGrad = b.requiresGrad = true;
  const seed = tensor([30, 40]);
  tidy(() => backward(add(a, b), seed));
  near([await clipGradNorm([a, b], 1)], [Math.sqrt(2) * 50], 1e-5);
  const each = [0.3 * Math.SQRT2, 0.4 * Math.SQRT2];
  for (const p of [a, b]) near(p.grad!.dataSync(), each, 1e-6);
  assert.equal([...seed.dataSync()], [30, 40], "the seed is the caller's");
  for (const t of [a, b, seed]) t.dispose();
});

test("loader: crops, mirrors and order are those of the recipe; an epoch can be entered in the middle", () => {
  const data = tinyData(10);
  const loader = new DataLoader(data, { batch: 4, normalize, seed: 2, augment: { pad: 1, flip: true } });
  const all = [...loader.epoch(3)];
  assert.equal(
    all.map((b) => b.count),
    [4, 4, 2],
  );
  const [late] = [...loader.epoch(3, 2)];
  assert.equal(late!.input.dataSync(), all[2]!.input.dataSync());
  // The plain way, from the same draws.
  const { Generator } = {
    Generator: manualSeed(1000 * 3 + 3).constructor as new (seed: number) => ReturnType<typeof manualSeed>,
  };
  const g = new Generator(1000 * 3 + 3);
  const [order, dy, dx, flip] = [g.randperm(10), g.randint(10, 0, 3), g.randint(10, 0, 3), g.randint(10, 0, 2)];
  const f = Math.fround;
  for (let k = 0; k < 10; k++) {
    const got = all[k >> 2]!.input.dataSync();
    assert.is(all[k >> 2]!.labels[k & 3], data.labels[order[k]!]);
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < 8; y++) {
        for (let x = 0; x < 8; x++) {
          const [py, px] = [y + dy[k]! - 1, (flip[k] ? 7 - x : x) + dx[k]! - 1];
          const v = py < 0 || py > 7 || px < 0 || px > 7 ? 0 : data.pixels[order[k]! * 192 + (py * 8 + px) * 3 + c]!;
          const expected = f(f(f(v / 255) - f(normalize.mean[c]!)) / f(normalize.std[c]!));
          assert.is(got[(k & 3) * 192 + c * 64 + y * 8 + x], expected, `picture ${k}, channel ${c}, ${y}, ${x}`);
        }
      }
    }
  }
  for (const b of [...all, late!]) {
    b.input.dispose();
    b.target.dispose();
  }
});

test("loader: mixup's targets are probabilities, cutout sets a square to the mean", () => {
  const loader = new DataLoader(tinyData(8), { batch: 8, normalize, augment: { cutout: 3, mixup: 0.4 } });
  const [batch] = [...loader.epoch(0)];
  const target = batch!.target.dataSync();
  for (let i = 0; i < 8; i++) near([target[3 * i]! + target[3 * i + 1]! + target[3 * i + 2]!], [1], 1e-6);
  assert.ok(target.some((v) => v > 0 && v < 1));
  batch!.input.dispose();
  batch!.target.dispose();
});

test("a killed process's run, resumed, ends with the same bits as one that was not stopped", async () => {
  const whole = await trained();
  assert.is(await trained(), whole, "twice the same");
  assert.is.not(await trained({ seed: 6 }), whole, "another seed gives other bits: the test can fail");
  const file = join(folder, "killed/checkpoint.safetensors");
  const script = fileURLToPath(new URL("support/killedTraining.js", import.meta.url));
  const child = spawnSync(process.execPath, [script, file], { encoding: "utf8" });
  assert.is(child.signal, "SIGKILL", child.stderr);
  assert.ok(existsSync(file));
  manualSeed(99); // whatever the generator was at
  const steps: number[] = [];
  const resumed = await trained({ resume: await loadCheckpoint(file), onStep: ({ step }) => void steps.push(step) });
  assert.is(steps[0], 9, "goes on after the last checkpoint, step 8");
  assert.is(resumed, whole);
});

test("a run that a signal stops is saved, and resumes to the same bits", async () => {
  const whole = await trained();
  const stop = new AbortController();
  let saved = new Uint8Array(0);
  const net = tinyNet();
  const result = await fit(net, tinyData(), {
    ...tinyOptions,
    signal: stop.signal,
    checkpoint: (file) => {
      saved = file as Uint8Array<ArrayBuffer>;
    },
    onStep: ({ step }) => {
      if (step === 3) stop.abort();
    },
  });
  assert.equal([result.finished, result.steps], [false, 3]);
  net.dispose();
  assert.is(await trained({ resume: await loadCheckpoint(saved) }), whole);
});

test("a signal that comes from outside, as a key does, is heard between two steps", async () => {
  const net = tinyNet();
  const stop = new AbortController();
  const options = { ...tinyOptions, epochs: 20, signal: stop.signal };
  const timer = setTimeout(() => stop.abort(), 1);
  const { finished, steps } = await fit(net, tinyData(), options);
  clearTimeout(timer);
  net.dispose();
  assert.not(finished, `it went on for all ${steps} steps`);
});

test("recomputing activations gives the same bits with less memory", async () => {
  const whole = await trained();
  assert.is(await trained({ recompute: true }), whole);
  const net = tinyNet();
  const shape = [4, 3, 8, 8];
  assert.ok(estimateMemory(net, shape, { recompute: true }).activations < estimateMemory(net, shape).activations);
  net.dispose();
});

test("the memory estimate is above what is used and below twice of it", async () => {
  const net = tinyNet();
  const data = tinyData(128);
  const before = info().memory.used;
  let most = 0;
  let estimated = 0;
  const listen = net.fc.onForward(() => {
    most = Math.max(most, info().memory.used - before);
  });
  await fit(net, data, {
    epochs: 1,
    batch: 64,
    onStart: ({ memory }) => {
      estimated = memory.total - memory.working;
    },
  });
  listen();
  assert.ok(most <= estimated * 1.05 && estimated < 2 * most, `estimated ${estimated}, used ${most}`);
  net.dispose();
});

test("nothing is left in memory, and a tiny network learns", async () => {
  const before = info().memory.used;
  const net = tinyNet(3, 0);
  const data = tinyData(60);
  const { history } = await fit(net, data, { epochs: 12, batch: 6, schedule: oneCycle(0.1), validation: data });
  assert.ok(history.at(-1)!.testAccuracy! > 0.95, JSON.stringify(history.at(-1)));
  assert.ok(history.at(-1)!.trainLoss < history[0]!.trainLoss / 2);
  const { correct, count } = await evaluateNet(net, data, { normalize });
  assert.is(correct / count, history.at(-1)!.testAccuracy);
  net.dispose();
  assert.is(info().memory.used, before);
});

test("a rate that diverges stops with the layer's name", async () => {
  const net = tinyNet(3, 0);
  await fails(
    () => fit(net, tinyData(), { epochs: 50, batch: 4, schedule: 1e30 }),
    /diverged at step \d+ \(epoch \d+\): the loss is (NaN|-?Infinity), (the output of )?(conv|layer1|fc)[\w.]* holds (NaN|-?Infinity).*learning rate was 1e\+30/,
  );
  net.dispose();
});

test("bad data and options are refused in words", async () => {
  const net = tinyNet();
  const data = tinyData();
  const refused: [Partial<FitOptions>, RegExp][] = [
    [{ batch: 100 }, /the batch of 100 is larger than the data: 22 pictures/],
    [{ batch: 1 }, /batch norm has no statistics of a batch of 1/],
    [{ batch: 2.5 }, /batch must be a whole number/],
    [{ epochs: 0 }, /epochs must be a whole number of at least 1/],
    [
      { validation: tinyData(6, 2) },
      /has other classes \(class0, class1\) than the training data \(class0, class1, class2\)/,
    ],
    [{ validation: tinyData(6, 4) }, /other classes \(.*class3\) than/],
  ];
  for (const [options, pattern] of refused) await fails(() => fit(net, data, { ...tinyOptions, ...options }), pattern);
  await fails(
    () => fit(net, { ...data, labels: data.labels.map(() => 7) }, tinyOptions),
    /label 7 is not one of 3 classes/,
  );
  await fails(
    () => fit(net, { ...data, labels: data.labels.map(() => 1) }, tinyOptions),
    /no picture shows class0, class2/,
  );
  await fails(() => fit(net, tinyData(9, 1), tinyOptions), /the data has 1 class \(class0\); at least two are needed/);
  await fails(
    () => fit(net, tinyData(20, 5), tinyOptions),
    /the data has 5 classes and the network's output is \[4,3\]/,
  );
  net.dispose();
});

test("pictures that cannot be read are listed, labels out of range and other sizes refused", async () => {
  const image = (width: number) => ({ data: new Uint8Array(width * 3), width, height: 1, channels: 3 as const });
  const set = (get: ImageDataset["get"], length = 8): ImageDataset => ({
    length,
    classes: ["a", "b"],
    get,
    nameOf: (i) => `p${i}.png`,
  });
  const { FileFormatError } = await import("../src/errors.ts");
  await fails(
    () =>
      prepare(
        set((i) => {
          if (i > 1) throw new FileFormatError(`p${i}.png`, "is truncated");
          return { image: image(2), label: 0 };
        }),
      ),
    /6 of 8 pictures cannot be read: p2.png: is truncated; .*; and 1 more/,
  );
  await fails(() => prepare(set(() => ({ image: image(2), label: 2 }))), /p0.png: label 2 is not one of the 2 classes/);
  await fails(
    () => prepare(set((i) => ({ image: image(2 + i), label: 0 }))),
    /p1.png: is 3x1 .* the first picture 2x1/,
  );
  await fails(() => prepare(set(() => ({ image: image(2), label: 0 }), 0)), /the data set is empty/);
});

test("what was forgotten on the way from a path to training is named", async () => {
  const promised = Promise.resolve(tinyData()) as never;
  for (const given of ["pictures" as never, promised]) {
    await fails(
      () => prepare(given),
      /^prepare: needs a data set, such as `await openDataset\(folder\)`, got (String|string|Promise)$/,
    );
    await fails(() => prepareOnDemand(given), /^prepareOnDemand: needs a data set, such as/);
    await fails(
      () => fit(tinyNet(), given, tinyOptions),
      /^training: needs pictures as prepare or prepareOnDemand gives them, got/,
    );
  }
  await fails(() => fit(tinyNet(), tinyData(), undefined as never), /^fit: options are an object, \{ epochs: … \}/);
});

test("a checkpoint of another network, run, or version is refused, and nothing is changed", async () => {
  let saved = new Uint8Array(0);
  const net = tinyNet();
  const sgd = { momentum: 0.9, weightDecay: 1e-4 };
  await fit(net, tinyData(), {
    ...tinyOptions,
    epochs: 1,
    checkpoint: (file) => {
      saved = file as Uint8Array<ArrayBuffer>;
    },
  });
  const file = await loadCheckpoint(saved, { name: "run.safetensors" });
  const before = hash(net);
  const resume = (options: Partial<FitOptions>) =>
    fit(net, tinyData(), { ...tinyOptions, epochs: 1, resume: file, ...options });
  await fails(() => resume({ batch: 8 }), /run.safetensors: the run had other settings: batch was 4 and is 8/);
  await fails(() => resume({ schedule: 0.3 }), /rates was/);
  const renamed = { ...tinyData(), classes: ["a", "b", "d"] };
  await fails(
    () => fit(net, renamed, { ...tinyOptions, epochs: 1, resume: file }),
    /class 0 was "class0" and is "a"; class 1 .* and is "d"\. Resume/,
  );
  const [first, ...others] = net.namedParameters();
  const settings = (lrScale: number, weightDecay: number) => JSON.stringify({ lrScale, weightDecay });
  const differs = (parameter: string, was: string, is: string) =>
    new RegExp(`had other settings: ${parameter} was ${was} and is ${is}\\. Resume with the same, or start anew$`);
  const named = `parameter ${first![0]}`;
  const usual = settings(1, 1e-4);
  const slower = new SGD([{ parameters: [first!], lrScale: 0.5 }, { parameters: others }], sgd);
  await fails(() => resume({ optimizer: slower }), differs(named, usual, settings(0.5, 1e-4)));
  const undecayed = new SGD([{ parameters: [first!], weightDecay: 0 }, { parameters: others }], sgd);
  await fails(() => resume({ optimizer: undecayed }), differs(named, usual, settings(1, 0)));
  const fewer = new SGD(others, sgd);
  await fails(() => resume({ optimizer: fewer }), /parameters was (\d+) and is \d+; parameter .* and is undefined\. /);
  first![1].requiresGrad = false;
  await fails(() => resume({}), differs(named, usual, '"frozen"'));
  first![1].requiresGrad = true;
  for (const closed of ["run.safetensors", loadCheckpoint(saved), net.stateDict()]) {
    await fails(
      () => resume({ resume: closed as never }),
      /fit: resume: is no checkpoint of a training run \(loadCheckpoint opens one/,
    );
  }
  const other = tinyNet(4);
  await fails(
    () => fit(other, tinyData(), { ...tinyOptions, epochs: 1, resume: file }),
    /fc\.weight expected \[4, 4\], found \[3, 4\]/,
  );
  other.dispose();
  const weights = await loadCheckpoint(saveSafetensors(net.stateDict()), { name: "weights.safetensors" });
  await fails(() => resume({ resume: weights }), /weights.safetensors: is no checkpoint of a training run/);
  const text = new TextDecoder("latin1").decode(saved).replace('\\"format\\":1', '\\"format\\":9');
  const newer = await loadCheckpoint(
    Uint8Array.from(text, (c) => c.charCodeAt(0)),
    { name: "newer.safetensors" },
  );
  await fails(
    () => resume({ resume: newer }),
    /newer.safetensors: is a training checkpoint of format 9; this version of resnet-ts reads format 1/,
  );
  assert.is(hash(net), before);
  net.dispose();
});

test("a disk that is full while a checkpoint is written leaves the last good one", async () => {
  const path = join(folder, "good.bin");
  writeFileAtomic(path, new Uint8Array([1, 2, 3]));
  // The part beside it is a folder that is not empty: writing must fail, and the file must stay.
  mkdirSync(join(`${path}.part`, "in the way"), { recursive: true });
  await fails(
    () => writeFileAtomic(path, new Uint8Array(9)),
    /good.bin: cannot be written .*; what was there before is unchanged/,
  );
  assert.equal([...readFileSync(path)], [1, 2, 3]);
  if (existsSync("/dev/full")) {
    // A link to the device that is always full: the real ENOSPC.
    const full = join(folder, "full.bin");
    writeFileAtomic(full, new Uint8Array([4, 5]));
    const { symlinkSync } = await import("node:fs");
    symlinkSync("/dev/full", `${full}.part`);
    await fails(() => writeFileAtomic(full, new Uint8Array(9)), /full.bin: cannot be written \(the disk is full\)/);
    assert.equal([...readFileSync(full)], [4, 5]);
    assert.not(existsSync(`${full}.part`));
  } else console.log("there is no /dev/full here: the full disk is not tried");
});

test("a run on a disk that fills up stops with one message, and resumes from its last good checkpoint to the same bits", async () => {
  if (!existsSync("/dev/full")) return console.log("there is no /dev/full here: a run on a full disk is not tried");
  const whole = await trained();
  const checkpoint = join(folder, "filling/checkpoint.safetensors");
  const { symlinkSync } = await import("node:fs");
  const net = tinyNet();
  await fails(
    () =>
      fit(net, tinyData(), {
        ...tinyOptions,
        checkpoint,
        onStep: ({ step }) => {
          // Step 6 ends the first epoch; what is written from here on goes to a device without room.
          if (step === 7) symlinkSync("/dev/full", `${checkpoint}.part`);
        },
      }),
    /checkpoint\.safetensors: cannot be written \(the disk is full\); what was there before is unchanged/,
  );
  net.dispose();
  const steps: number[] = [];
  const resume = await loadCheckpoint(checkpoint);
  assert.is(await trained({ resume, onStep: ({ step }) => void steps.push(step) }), whole);
  assert.is(steps[0], 7, "goes on after the last checkpoint that was written whole");
});

test.run();
