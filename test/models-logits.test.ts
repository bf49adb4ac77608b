import { test } from "uvu";
import * as assert from "uvu/assert";
import { init } from "../src/init.ts";
import type { PictureNet } from "../src/models/pictureNet.ts";
import { createModel } from "../src/models/registry.ts";
import { tidy } from "../src/tensor/scope.ts";
import { type Tensor, tensor } from "../src/tensor/tensor.ts";
import { fillInput, fillTensor } from "./support/fill.ts";
import { type Golden, goldenTensor, readGolden } from "./support/golden.ts";

await init({ backend: "wasm" });

type Input = readonly [number, number, number, number];

function filled(name: string, options: Record<string, unknown>): PictureNet {
  const net = createModel(name, { init: "empty", ...options }).eval();
  for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape, name.includes("plain")));
  return net;
}

/** max|difference| / max|logit| over the classes that the golden file has. */
function distance(logits: Tensor, golden: Golden): number {
  const [n, classes] = logits.shape as [number, number];
  const [count, kept] = golden.shape as [number, number];
  assert.is(n, count);
  const values = logits.dataSync();
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < kept; k++) {
      const expected = golden.data[i * kept + k]!;
      const d = Math.abs(values[i * classes + k]! - expected);
      if (!(d <= difference)) difference = d;
      largest = Math.max(largest, Math.abs(expected));
    }
  }
  return difference / largest;
}

/** The limit for direct convolutions, whatever the depth. */
const LIMIT = 1e-5;

/** @returns max|difference| / max|logit| */
function check(net: PictureNet, input: Input, key: string, golden: Golden): number {
  const found = tidy(() => distance(net.forward(tensor(fillInput(input, key), input)), golden));
  assert.ok(found <= LIMIT, `[${input}]: ${found.toExponential(2)} of max|logit|, allowed ${LIMIT}`);
  return found;
}

const big: Input = [2, 3, 224, 224];
const one: Input = [1, 3, 224, 224];
const small: Input = [4, 3, 32, 32];
const odd: Input = [3, 3, 193, 257];
const oddSmall: Input = [3, 3, 29, 37];

const family = readGolden("family.safetensors");

interface Case {
  /** Name in the registry. */
  readonly model: string;
  readonly options?: Record<string, unknown>;
  /** Name in the golden files, where it is another. */
  readonly golden?: string;
  /** Input of logits-NAME.safetensors; the others are in family.safetensors. */
  readonly input?: Input;
}

const logits = { classifierActivation: null };
const cases: Case[] = [
  { model: "resnet18", input: big },
  { model: "resnet34", input: big },
  { model: "resnet50", input: big },
  { model: "resnet101", input: big },
  { model: "resnet152", input: big },
  { model: "resnext50_32x4d", input: one },
  { model: "wide_resnet50_2", input: one },
  { model: "wide_resnet101_2" },
  { model: "resnext101_32x8d" },
  { model: "resnext101_64x4d" },
  { model: "plain18", input: one },
  { model: "plain34", input: one },
  { model: "resnet50", options: { replaceStrideWithDilation: [false, true, true] }, golden: "resnet50_dilated" },
  { model: "resnet50", options: { strideOn: "1x1" }, golden: "resnet50_v1" },
  { model: "cifar_resnet20", input: small },
  { model: "cifar_resnet56", input: small },
  { model: "cifar_resnet110", input: small },
  { model: "cifar_resnet20", options: { shortcut: "B" }, golden: "cifar_resnet20_b", input: small },
  { model: "cifar_resnet20", options: { shortcut: "C" }, golden: "cifar_resnet20_c", input: small },
  { model: "cifar_plain20", input: small },
  { model: "cifar_plain56", input: small },
  { model: "cifar_resnet32" },
  { model: "cifar_resnet44" },
  { model: "cifar_plain32" },
  { model: "cifar_plain44" },
  { model: "cifar_plain110" },
  { model: "cifar_preact_resnet110" },
  { model: "cifar_preact_resnet164" },
  { model: "keras_resnet50", options: logits },
  { model: "keras_resnet101", options: logits },
  { model: "keras_resnet152", options: logits },
  { model: "keras_resnet50v2", options: logits },
  { model: "keras_resnet101v2", options: logits },
  { model: "keras_resnet152v2", options: logits },
];

const measured: { golden: string; worst: number }[] = [];
test.after(() => {
  const [first] = measured.sort((a, b) => b.worst - a.worst);
  if (first)
    console.log(
      `${measured.length} networks; farthest from PyTorch: ${first.golden}, ${first.worst.toExponential(1)} of max|logit|`,
    );
});

for (const { model, options = {}, golden = model, input } of cases) {
  test(`${golden}: logits as PyTorch's in float64`, () => {
    const net = filled(model, options);
    const cifar = model.startsWith("cifar");
    const own = input === undefined ? undefined : readGolden(`logits-${golden}.safetensors`);
    const whole = input ?? (cifar ? small : one);
    const atHome = check(
      net,
      whole,
      "input",
      own === undefined ? goldenTensor(family, golden) : goldenTensor(own, "f64"),
    );
    // Three pictures of an odd size: every tail of every kernel.
    const oddLogits = own?.get("odd.f64") ?? goldenTensor(family, `${golden}.odd`);
    const atOdds = check(net, cifar ? oddSmall : odd, "odd", oddLogits);
    measured.push({ golden, worst: Math.max(atHome, atOdds) });
    if (process.env.RESNET_TS_VERBOSE) {
      const [home, away] = [whole, cifar ? oddSmall : odd].map((shape) => shape.join("x"));
      console.log(`${golden}: ${home} ${atHome.toExponential(1)}, ${away} ${atOdds.toExponential(1)} of max|logit|`);
    }
    net.dispose();
  });
}

test("Keras's top gives probabilities, and without it there are maps or pooled features", () => {
  const net = filled("keras_resnet50v2", {});
  const x = tensor(fillInput([1, 3, 64, 64]), [1, 3, 64, 64]);
  const p = net.forward(x).dataSync();
  assert.ok(Math.abs(p.reduce((sum, v) => sum + v, 0) - 1) < 1e-5);
  const shape = (options: Record<string, unknown>): readonly number[] =>
    createModel("keras_resnet50v2", { includeTop: false, ...options })
      .eval()
      .forward(x).shape;
  assert.equal(shape({}), [1, 2048, 2, 2]);
  assert.equal(shape({ pooling: "avg" }), [1, 2048]);
  assert.equal(shape({ pooling: "max" }), [1, 2048]);
});

test.run();
