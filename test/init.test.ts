import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ShapeError, UnknownNameError } from "../src/errors.ts";
import * as init from "../src/nn/init.ts";
import { Generator, type LazyFill, manualSeed } from "../src/tensor/random.ts";
import type { Shape } from "../src/tensor/shape.ts";
import { sha256 } from "./support/hash.ts";
import { repoRoot } from "./support/shared.ts";
import { closeToSummary, type Summary } from "./support/summary.ts";

interface Layers {
  state: string;
  parameters: Record<string, Summary>;
}
type Case = Summary & { name: string; options: Record<string, number | string>; shape: number[]; state: string };
const golden: { resnet18: Layers; layers: Layers; init: Case[] } = JSON.parse(
  readFileSync(join(repoRoot, "test/golden/random.json"), "utf8"),
);

const isA = (kind: new (...args: never[]) => Error) => (e: unknown) => e instanceof kind;
const deviation = (s: Summary) => Math.sqrt(s.squares / s.length - (s.sum / s.length) ** 2);

function initializer({ name, options }: Case): init.Initializer {
  const o = options as Record<string, number>;
  if (name === "uniform") return init.uniform(o.low, o.high);
  if (name === "normal") return init.normal(o.mean, o.std);
  const of = { ...init }[name as "kaimingNormal"];
  return of(options);
}

test("each initialiser fills as torch.nn.init does", async () => {
  assert.is(golden.init.length, 33);
  for (const one of golden.init) {
    const g = new Generator(7);
    const values = initializer(one)(one.shape, g).materialise();
    // Uniform values have no approximation in them: their bounds are rounded to f32 the same way.
    const tolerance = one.name.includes("niform") ? 0 : 1e-5 * deviation(one);
    closeToSummary(values, one, tolerance, `${one.name} ${JSON.stringify(one.options)} [${one.shape}]`);
    assert.is(await sha256(g.getState()), one.state);
  }
});

test("layer defaults: weight, then bias", async () => {
  const g = manualSeed(0);
  const layer = (name: string, weight: Shape): [string, LazyFill][] => [
    [`${name}.weight`, init.defaultWeight(weight)],
    [`${name}.bias`, init.defaultBias(weight)([weight[0]!])],
  ];
  const fills = [...layer("conv", [128, 32, 3, 3]), ...layer("linear", [1000, 512]), ...layer("small", [2, 3])];
  for (const [name, fill] of fills) closeToSummary(fill.materialise(), golden.layers.parameters[name]!, 0, name);
  assert.is(await sha256(g.getState()), golden.layers.state);
});

/** Shapes of ResNet-18's convolutions in the order in which torchvision constructs them, and their names. */
function* constructed(): Iterable<readonly [string, Shape]> {
  yield ["conv1.weight", [64, 3, 7, 7]];
  let channels = 64;
  for (const [stage, planes] of [64, 128, 256, 512].entries()) {
    for (const block of [0, 1]) {
      const name = `layer${stage + 1}.${block}`;
      // The projection is made before the block that it is handed to.
      if (channels !== planes) yield [`${name}.downsample.0.weight`, [planes, channels, 1, 1]];
      yield [`${name}.conv1.weight`, [planes, channels, 3, 3]];
      yield [`${name}.conv2.weight`, [planes, planes, 3, 3]];
      channels = planes;
    }
  }
}

function resnet18(): Map<string, LazyFill> {
  const fills = new Map<string, LazyFill>();
  const convolutions = [...constructed()];
  for (const [name, shape] of convolutions) fills.set(name, init.defaultWeight(shape));
  fills.set("fc.weight", init.defaultWeight([1000, 512]));
  fills.set("fc.bias", init.defaultBias([1000, 512])([1000]));
  // The second pass goes over the modules, where the projection comes behind the block's convolutions.
  const order = (name: string) => name.replace("downsample", "e");
  convolutions.sort(([a], [b]) => (order(a) < order(b) ? -1 : 1));
  for (const [name, shape] of convolutions) {
    fills.get(name)!.cancel();
    fills.set(name, init.residualConvolution(shape));
  }
  return fills;
}

test("manual_seed(0); resnet18(): torchvision's weights to 1e-5 of their deviation", async () => {
  const g = manualSeed(0);
  const fills = resnet18();
  for (const [name, want] of Object.entries(golden.resnet18.parameters)) {
    const tolerance = name.startsWith("fc") ? 0 : 1e-5 * deviation(want);
    closeToSummary(fills.get(name)!.materialise(), want, tolerance, name);
  }
  assert.is(await sha256(g.getState()), golden.resnet18.state);
});

test("constants leave the generator alone", () => {
  const g = manualSeed(1);
  assert.equal(init.ones([2]).materialise(), Float32Array.of(1, 1));
  assert.equal(init.zeros([1]).materialise(), Float32Array.of(0));
  assert.equal(init.constant(0.5)([3]).materialise(), Float32Array.of(0.5, 0.5, 0.5));
  assert.is(g.random(), new Generator(1).random());
});

test("an empty shape is filled with nothing, and shapes without fans are refused", () => {
  assert.is(init.kaimingNormal()([0, 4]).materialise().length, 0);
  assert.is(init.kaimingUniform()([4, 0]).materialise().length, 0);
  assert.is(init.xavierNormal()([0, 0]).materialise().length, 0);
  assert.throws(() => init.kaimingNormal()([4]), isA(ShapeError));
  assert.throws(() => init.gain("rely" as "relu"), isA(UnknownNameError));
  assert.throws(() => init.kaimingNormal({ mode: "fan_out" as "fanOut" })([2, 2]), isA(UnknownNameError));
});

test.run();
