import { test } from "uvu";
import * as assert from "uvu/assert";
import { backward } from "../src/autograd/backward.ts";
import { init } from "../src/init.ts";
import { loadCheckpoint } from "../src/io/checkpoint.ts";
import { Dropout, StochasticDepth } from "../src/nn/dropout.ts";
import { Linear } from "../src/nn/linear.ts";
import { add } from "../src/ops/pointwise.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { tidy } from "../src/tensor/scope.ts";
import { ones, type Tensor, tensor } from "../src/tensor/tensor.ts";
import { encodeRun, restoreRun } from "../src/train/checkpoint.ts";
import { clipGradNorm } from "../src/train/clip.ts";
import { DataLoader } from "../src/train/loader.ts";
import { AdamW, SGD } from "../src/train/optimizer.ts";
import { cosine, multiStep, oneCycle, stepDecay, warmUp } from "../src/train/schedule.ts";
import { imageClassification } from "../src/vision/presets.ts";
import { fails } from "./support/fails.ts";
import { tinyData } from "./support/tinyTraining.ts";

/** What training is made of, against PyTorch: optimisers, schedules, dropout, clipping, batches. */
await init();
const normalize = imageClassification().normalize;

const near = (found: ArrayLike<number>, expected: readonly number[], bound: number) => {
  assert.is(found.length, expected.length);
  for (const [i, e] of expected.entries()) {
    assert.ok(Math.abs(found[i]! - e) <= bound, `${i}: ${found[i]}, expected ${e}`);
  }
};

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

test.run();
