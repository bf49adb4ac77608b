import { test } from "uvu";
import * as assert from "uvu/assert";
import { noGrad } from "../src/autograd/apply.ts";
import { clearTape } from "../src/autograd/tape.ts";
import type { Backend } from "../src/backend/backend.ts";
import { StateDictError } from "../src/errors.ts";
import { init } from "../src/init.ts";
import { resnet18, resnet50, resnext50_32x4d } from "../src/models/imagenet.ts";
import * as nn from "../src/nn/index.ts";
import { addActivate } from "../src/nn/relu.ts";
import { currentMemory } from "../src/tensor/memory.ts";
import { tidy } from "../src/tensor/scope.ts";
import { full, Tensor, tensor } from "../src/tensor/tensor.ts";
import { readGoldenJson } from "./support/golden.ts";

const info = await init({ backend: "js" });
const blocks = (): number => (currentMemory() as Backend).info().memory.blocks;

const layers: Record<string, () => nn.Module<unknown>> = {
  "conv-bias": () => new nn.Conv2d(3, 6, 3),
  "conv-full": () =>
    new nn.Conv2d(4, 8, [3, 5], { stride: [2, 1], padding: [1, 2], dilation: 2, groups: 2, bias: false }),
  bn: () => new nn.BatchNorm2d(64),
  "bn-keras": () => new nn.BatchNorm2d(64, { eps: 1.001e-5, momentum: 0.01 }),
  "bn-plain": () => new nn.BatchNorm2d(3, { affine: false, momentum: 1 }),
  relu: () => new nn.ReLU(),
  "relu-inplace": () => new nn.ReLU({ inplace: true }),
  maxpool: () => new nn.MaxPool2d(3, { stride: 2, padding: 1 }),
  "maxpool-pairs": () => new nn.MaxPool2d([3, 2], { stride: [2, 1] }),
  avgpool: () => new nn.AvgPool2d(2),
  "avgpool-pairs": () => new nn.AvgPool2d([2, 3], { padding: 1 }),
  adaptive: () => new nn.AdaptiveAvgPool2d([1, 1]),
  "adaptive-number": () => new nn.AdaptiveAvgPool2d(7),
  "adaptive-max": () => new nn.AdaptiveMaxPool2d(1),
  linear: () => new nn.Linear(512, 10),
  "linear-no-bias": () => new nn.Linear(512, 10, { bias: false }),
  identity: () => new nn.Identity(),
  flatten: () => new nn.Flatten(),
  dropout: () => new nn.Dropout(0.2),
  softmax: () => new nn.Softmax(),
  zeropad: () => new nn.ZeroPad2d(1),
  "zeropad-sides": () => new nn.ZeroPad2d([1, 2, 3, 4]),
  empty: () => new nn.Sequential(),
  nested: () => new nn.Sequential(new nn.Sequential(new nn.ReLU()), new nn.Identity()),
  resnet18,
  resnet50,
  resnext50_32x4d,
};

for (const [name, tree] of Object.entries(readGoldenJson<Record<string, string>>("trees.json"))) {
  test(`${name} prints as in PyTorch`, () => {
    assert.is(String(layers[name]!()), tree);
  });
}

test("a parameter made of a tensor, as in PyTorch", () => {
  const before = blocks();
  class Scale extends nn.Module {
    weight = tidy(() => new nn.Parameter(tensor([1, 2, 3])));
    forward(x: Tensor): Tensor {
      return x;
    }
  }
  const scale = new Scale();
  assert.equal(
    [...scale.namedParameters()].map(([name, { requiresGrad }]) => [name, requiresGrad]),
    [["weight", true]],
  );
  assert.equal([...scale.weight.dataSync()], [1, 2, 3]);
  assert.throws(() => new nn.Parameter([1, 2, 3] as never), /^Parameter: needs a tensor, got Array$/);
  scale.dispose();
  assert.is(blocks(), before);
});

function small(): nn.Sequential {
  return new nn.Sequential(new nn.Conv2d(1, 2, 3, { padding: 1 }), new nn.BatchNorm2d(2), new nn.ReLU());
}

for (const options of [
  { eps: -1e-5 },
  { eps: Number.NaN },
  { momentum: null },
  { momentum: -0.1 },
  { momentum: "0.1" },
]) {
  test(`BatchNorm2d refuses ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => new nn.BatchNorm2d(2, options as never),
      /BatchNorm2d: (eps|momentum) must be a number of at least 0, got/,
    );
  });
}

test("what is no state dict is named", () => {
  for (const [given, kind] of [
    [Promise.resolve(new Map()), "Promise"],
    [new Uint8Array(4), "Uint8Array"],
    ["net.pth", "String"],
    [null, "Null"],
  ] as const) {
    assert.throws(() => small().loadStateDict(given as never), new RegExp(`needs a Map .*, got ${kind}$`));
  }
});

test("keys are PyTorch's, in PyTorch's order", () => {
  const net = small();
  assert.equal(
    [...net.stateDict().keys()],
    ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"],
  );
  assert.equal(
    [...net.namedParameters()].map(([key]) => key),
    ["0.weight", "0.bias", "1.weight", "1.bias"],
  );
  assert.equal(
    [...net.namedBuffers()].map(([key]) => key),
    ["1.running_mean", "1.running_var", "1.num_batches_tracked"],
  );
  assert.equal(
    [...net.namedModules()].map(([key]) => key),
    ["", "0", "1", "2"],
  );
  const keys = [...resnet18().stateDict().keys()];
  assert.is(keys.length, 122);
  assert.equal([keys[0], keys.at(-1), keys[6]], ["conv1.weight", "fc.bias", "layer1.0.conv1.weight"]);
});

test("a module that is used twice counts once", () => {
  const shared = new nn.Linear(2, 2);
  const net = new nn.Sequential(shared, shared);
  assert.is(net.parameterCount, 6);
  assert.is(net.parameters().length, 2);
});

test("frozen parameters stay parameters", () => {
  const net = small().requiresGrad(false);
  assert.is(net.parameters().length, 4);
  assert.not(net.parameters().some((p) => p.requiresGrad));
});

test("train and eval reach everything inside", () => {
  const net = resnet18();
  assert.ok([...net.modules()].every((m) => m.training));
  net.eval();
  assert.not([...net.modules()].some((m) => m.training));
});

test("parameters take no memory until they are used, and survive the tidy they were made in", () => {
  const before = blocks();
  const net = tidy(() => resnet18().eval());
  assert.is(blocks(), before);
  assert.ok(net.layer1[0]);
  const layer = tidy(() => new nn.Linear(2, 1));
  layer.loadStateDict({ weight: tensor([2, 3], [1, 2]), bias: tensor([1]) });
  assert.is(layer.forward(tensor([[1, 1]])).item(), 6);
  assert.not(layer.weight.disposed);
});

test("forward gives back everything but its result", () => {
  const net = small().eval();
  const x = full([1, 1, 5, 5], 1);
  net.forward(x).dispose();
  clearTape();
  const before = blocks();
  const y = noGrad(() => net.forward(x));
  assert.is(blocks(), before + 1);
  y.dispose();
  // What the tape holds for a backward pass goes with the result that it could have started from.
  net.forward(x).dispose();
  clearTape();
  assert.is(blocks(), before);
  net.dispose();
  x.dispose();
});

test("an Identity inside neither disposes its input nor hides it", () => {
  const x = full([1, 2], 3);
  const y = new nn.Sequential(new nn.Identity(), new nn.Identity()).forward(x);
  assert.is(y, x);
  assert.not(x.disposed);
  const z = new nn.Sequential(new nn.Linear(2, 2), new nn.Identity()).forward(x);
  assert.not(z.disposed);
});

test("loading lists every difference in one error and changes nothing", () => {
  const net = small();
  const values = { shape: [2], data: [7, 7] };
  const bad = { "0.weight": { shape: [2, 1, 3, 2], data: new Float32Array(12) }, "0.bias": values, what: values };
  try {
    net.loadStateDict(bad);
    assert.unreachable();
  } catch (error) {
    if (!(error instanceof StateDictError)) throw error;
    assert.equal(error.missing, ["1.weight", "1.bias", "1.running_mean", "1.running_var"]);
    assert.equal(error.unexpected, ["what"]);
    assert.equal(error.misshapen, [{ name: "0.weight", expected: [2, 1, 3, 3], found: [2, 1, 3, 2] }]);
  }
  assert.is.not(net.stateDict().get("0.bias")!.dataSync()[0], 7);
  const report = net.loadStateDict({ "0.bias": values, what: values }, { strict: false });
  assert.equal(report.unexpected, ["what"]);
  assert.ok(report.missing.includes("0.weight"));
  assert.is(net.stateDict().get("0.bias")!.dataSync()[0], 7);
  assert.throws(() => net.loadStateDict({ "0.weight": bad["0.weight"] }, { strict: false }), /misshapen \(1\)/);
});

test("NaN in weights is named, and nothing was changed before it was found", () => {
  const net = new nn.Linear(1, 2);
  const state = { weight: { shape: [2, 1], data: [5, 5] }, bias: { shape: [2], data: [0, Number.NaN] } };
  assert.throws(() => net.loadStateDict(state), /bias: value 1 of 2 is NaN/);
  assert.is.not(net.weight.dataSync()[0], 5);
  net.loadStateDict(state, { allowNonFinite: true });
  assert.is(net.weight.dataSync()[0], 5);
  assert.throws(
    () => net.loadStateDict({ weight: state.weight, bias: { shape: [2], data: [1] } }),
    /needs 2 values, got 1/,
  );
  assert.throws(() => net.loadStateDict({ weight: 3, bias: 4 } as never), /neither a tensor nor/);
  assert.throws(() => net.loadStateDict(state, { stict: false } as never), /stict/);
});

test("a network's own state loads into another of its kind", () => {
  const from = small();
  const to = small();
  from.loadStateDict({ "1.running_mean": tensor([3, 4]) }, { strict: false });
  to.loadStateDict(from.stateDict());
  assert.equal([...to.stateDict().get("1.running_mean")!.dataSync()], [3, 4]);
});

test("hooks see every use and leave no trace", () => {
  const relu = new nn.ReLU();
  const seen: [number, boolean][] = [];
  const stop = relu.onForward((_m, output, use) => seen.push([use, output instanceof Tensor]));
  const x = tensor([[1, -1]]);
  relu.forward(x);
  addActivate(relu, x, x);
  stop();
  relu.forward(x);
  assert.equal(seen, [
    [0, true],
    [1, true],
  ]);
  assert.equal(Object.keys(relu), ["training", "inplace"]);
  assert.not(Object.hasOwn(relu, "forward"));
});

test("wrong shapes are found at the door, with the op's name", () => {
  assert.throws(
    () => new nn.Conv2d(3, 4, 3).forward(full([1, 2, 8, 8], 0)),
    /conv2d: input \[1, 2, 8, 8\] has 2 channels/,
  );
  assert.throws(() => new nn.Conv2d(3, 4, 3, { groups: 2 }), /groups/);
  assert.throws(() => new nn.Conv2d(3, 4, 0), /kernelSize/);
  assert.throws(() => new nn.Linear(0, 1), /inFeatures/);
  assert.throws(() => new nn.Conv2d(3, 4, 3, { pading: 1 } as object), /"padding"/);
  assert.throws(() => new nn.Dropout(1), /below 1/);
});

test("use after dispose is refused", () => {
  const net = new nn.Linear(1, 1);
  net.dispose();
  assert.throws(() => net.forward(full([1, 1], 1)), /disposed/);
});

test("the tests ran on the backend they asked for", () => {
  assert.is(info.backend, "js");
});

test.run();
