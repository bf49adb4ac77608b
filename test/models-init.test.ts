import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BasicBlock,
  cifarPlain20,
  cifarResnet20,
  Generator,
  init,
  manualSeed,
  type nn,
  plain18,
  rand,
  randn,
  resnet18,
  resnet50,
  resnet152,
  type Tensor,
  tidy,
} from "../src/index.ts";
import { Parameter } from "../src/nn/parameter.ts";
import { readGoldenJson } from "./support/golden.ts";
import { closeToSummary, type Summary } from "./support/summary.ts";

type Golden = Record<string, Record<string, Omit<Summary, "length"> & { shape: number[] }>>;
const golden = readGoldenJson<Golden>("init.json");

test.before(async () => {
  await init({ backend: "js" });
});

const networks: Record<string, () => nn.Module> = {
  resnet18: () => resnet18(),
  resnet50: () => resnet50(),
  cifar_resnet20: () => cifarResnet20(),
  resnet50_default: () => resnet50({ init: "default" }),
};

const pending = (net: nn.Module) => [...net.namedParameters()].filter(([, p]) => p.storage.pending).length;

for (const [name, build] of Object.entries(networks)) {
  test(`manualSeed(0); ${name}: PyTorch's weights to 1e-5 of their standard deviation`, () => {
    manualSeed(0);
    const net = build();
    const want = Object.entries(golden[name]!);
    const state = net.stateDict();
    for (const [key, { shape, ...rest }] of want) {
      const p = state.get(key)!;
      const length = p.size;
      assert.equal(p.shape, shape, key);
      const deviation = Math.sqrt(rest.squares / length - (rest.sum / length) ** 2);
      closeToSummary(p.dataSync(), { length, ...rest }, 1e-5 * deviation, `${name} ${key}`);
    }
    // Everything else is a normalisation: ones and zeros.
    const compared = new Set(want.map(([key]) => key));
    for (const [key, p] of net.namedParameters()) {
      if (compared.has(key)) continue;
      const value = key.endsWith(".weight") ? 1 : 0;
      assert.ok(
        p.dataSync().every((v) => v === value),
        `${key} is ${value} everywhere`,
      );
    }
    net.dispose();
  });
}

test("whatever is drawn after a network is what PyTorch draws after it", () => {
  const untouched = manualSeed(0);
  resnet18().dispose();
  const next = untouched.random64();
  const touched = manualSeed(0);
  const net = resnet18();
  for (const p of net.parameters()) p.dataSync();
  assert.is(touched.random64(), next);
  net.dispose();
});

test("the values do not depend on who looks first", () => {
  const look = (order: (keys: string[]) => string[]) => {
    manualSeed(3);
    const net = cifarResnet20({ shortcut: "B" });
    const state = net.stateDict();
    const values = new Map(order([...state.keys()]).map((key) => [key, state.get(key)!.dataSync()]));
    net.dispose();
    return values;
  };
  const forwards = look((keys) => keys);
  const backwards = look((keys) => keys.reverse());
  assert.is(forwards.size, backwards.size);
  for (const [key, values] of forwards) assert.equal(values, backwards.get(key), key);
});

test("a network that loads weights never draws any", () => {
  manualSeed(0);
  const donor = resnet18({ init: "empty" });
  assert.is(new Set(donor.conv1.weight.dataSync()).size, 1, "empty is all zeros");
  const generator = manualSeed(0);
  const start = performance.now();
  const net = resnet18();
  const large = resnet152();
  const elapsed = performance.now() - start;
  const all = net.parameters().length;
  assert.is(pending(net), all);
  assert.is(pending(large), large.parameters().length);
  // Nothing is allocated and nothing computed: 60 million values take seconds.
  assert.ok(elapsed < 500, `building took ${elapsed} ms`);
  const state = new Map([...donor.stateDict()].map(([k, t]) => [k, { shape: t.shape, data: t.dataSync() }]));
  net.loadStateDict(state);
  assert.is(pending(net), 0);
  assert.is(new Set(net.conv1.weight.dataSync()).size, 1, "the loaded zeros, not the draws");
  large.dispose();
  const fresh = new Generator(0);
  assert.is.not(generator.random(), fresh.random(), "and the generator has moved on");
  for (const n of [net, donor]) n.dispose();
});

test("empty draws nothing, and a failed construction leaves drawing on", () => {
  const generator = manualSeed(5);
  cifarResnet20({ init: "empty" }).dispose();
  assert.is(generator.random(), new Generator(5).random());
  assert.throws(() => cifarResnet20({ init: "empty", inChannels: 1.5 }), /inChannels/);
  const net = cifarResnet20();
  assert.ok(new Set(net.fc.stateDict().get("weight")!.dataSync()).size > 100);
  net.dispose();
});

test("zeroInitResidual zeroes each branch's last normalisation, not the plain networks'", () => {
  const zeroWeights = (net: nn.Module) =>
    [...net.namedParameters()].filter(([key, p]) => /bn\d\.weight$/.test(key) && p.dataSync()[0] === 0).map(([k]) => k);
  const basic = resnet18({ zeroInitResidual: true });
  assert.is(zeroWeights(basic).length, 8);
  assert.ok(zeroWeights(basic).every((key) => key.endsWith("bn2.weight")));
  const bottleneck = resnet50({ zeroInitResidual: true });
  assert.is(zeroWeights(bottleneck).length, 16);
  assert.ok(zeroWeights(bottleneck).every((key) => key.endsWith("bn3.weight")));
  const none = [resnet18(), plain18({ zeroInitResidual: true }), cifarPlain20({ zeroInitResidual: true })];
  for (const net of none) assert.equal(zeroWeights(net), []);
  for (const net of [basic, bottleneck, ...none]) {
    for (const [, m] of net.namedModules()) {
      if (m instanceof BasicBlock) assert.ok((m.bn1 as nn.BatchNorm2d).weight instanceof Parameter);
    }
    net.dispose();
  }
});

test("randn and rand: row-major draws from the default generator or another", () => {
  const flat = new Generator(6).normal(2 * 3 * 4 * 5);
  manualSeed(6);
  tidy(() => {
    const check = (t: Tensor, values: Float32Array) => assert.equal(t.dataSync(), values);
    check(randn([2, 3, 4, 5]), flat);
    check(rand([7], { generator: new Generator(8) }), new Generator(8).uniform(7));
  });
});

test.run();
