import { test } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../src/index.ts";
import { init, manualSeed, noGrad, randn, resnet101, type Tensor, tensor } from "../src/index.ts";
import { fillInput, fillTensor } from "./support/fill.ts";
import { goldenTensor, readGolden } from "./support/golden.ts";

/** Eager networks on wasm against PyTorch's 64-bit logits with the same weights (scripts/reference/make_resnet_logits.py). */

const networks = [
  { name: "resnet18", make: lib.resnet18, layers: 18 },
  { name: "resnet34", make: lib.resnet34, layers: 34 },
  { name: "resnet50", make: lib.resnet50, layers: 50 },
  { name: "resnet101", make: lib.resnet101, layers: 101 },
  { name: "resnet152", make: lib.resnet152, layers: 152 },
] as const;

/** max |difference| over max |expected| */
function relativeError(y: Tensor, expected: ArrayLike<number>): number {
  const found = y.dataSync();
  y.dispose();
  assert.is(found.length, expected.length);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < found.length; i++) {
    const d = Math.abs(found[i]! - expected[i]!);
    difference = Math.max(difference, Number.isNaN(d) ? Number.POSITIVE_INFINITY : d);
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}

test.before(async () => {
  await init();
});

for (const { name, make, layers } of networks) {
  const bound = 2e-6 * Math.sqrt(layers);
  test(`${name}: eager logits within ${bound.toExponential(1)} of PyTorch's`, () => {
    const golden = goldenTensor(readGolden(`logits-${name}.safetensors`), "f64");
    const net = make({ init: "empty" });
    for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape));
    net.eval();
    const shape: [number, number, number, number] = [golden.shape[0]!, 3, 224, 224];
    const x = tensor(fillInput(shape), shape);
    const error = relativeError(
      noGrad(() => net.forward(x)),
      golden.data,
    );
    x.dispose();
    net.dispose();
    console.log(`${name}: ${error.toExponential(2)}`);
    assert.ok(error <= bound, `${error} is more than ${bound}`);
  });
}

for (const mode of ["train", "eval"] as const) {
  test(`the article's test: resnet101 on randn([4, 3, 224, 224]), ${mode} mode`, () => {
    const golden = goldenTensor(readGolden("article-resnet101.safetensors"), `${mode}.f64`);
    manualSeed(0);
    const net = resnet101({ inChannels: 3, numClasses: 1000, init: "default" });
    const x = randn([4, 3, 224, 224]);
    if (mode === "eval") net.eval();
    const y = noGrad(() => net.forward(x));
    assert.equal(y.shape, [4, 1000]);
    const error = relativeError(y, golden.data);
    x.dispose();
    net.dispose();
    console.log(`article, ${mode}: ${error.toExponential(2)}`);
    assert.ok(error <= 1e-4, `${error} is more than 1e-4`);
  });
}

test.run();
