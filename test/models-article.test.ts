import { test } from "uvu";
import * as assert from "uvu/assert";
import { init, manualSeed, noGrad, randn, resnet101, type Tensor } from "../src/index.ts";
import { goldenTensor, readGolden } from "./support/golden.ts";

/** The article's own test on wasm against PyTorch in 64 bits (scripts/reference/make_init.py); models-logits has the family. */

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
