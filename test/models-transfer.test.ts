import { test } from "uvu";
import * as assert from "uvu/assert";
import { noGrad } from "../src/autograd/apply.ts";
import { type Compilable, compile } from "../src/graph/compile.ts";
import { init } from "../src/init.ts";
import { Bottleneck } from "../src/models/blocks.ts";
import { cifarResnet20 } from "../src/models/cifar.ts";
import { CifarPreactResNet } from "../src/models/cifarPreact.ts";
import { extract, featuresOnly } from "../src/models/extract.ts";
import { resnet18, resnet50 } from "../src/models/imagenet.ts";
import { kerasResnet50, kerasResnet50V2 } from "../src/models/keras.ts";
import type { PictureNet } from "../src/models/pictureNet.ts";
import { ResNet } from "../src/models/resnet.ts";
import { Tensor, tensor } from "../src/tensor/tensor.ts";
import { fillInput, fillTensor } from "./support/fill.ts";

// Everything that transfer learning asks of a network, eager and compiled, on the backend that people use.
await init({ backend: "wasm" });

type Shape = [number, number, number, number];

function filled<Net extends PictureNet>(net: Net): Net {
  for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape));
  net.eval().requiresGrad(false);
  return net;
}

const values = (out: unknown): [string, Tensor][] =>
  out instanceof Tensor ? [["out", out]] : Object.entries(out as Record<string, Tensor>);

/** Both ways of running give the same shapes, and values within Winograd's error: 1e-5 of the largest. */
async function bothWays(model: Compilable<unknown>, shape: Shape): Promise<Map<string, Float32Array>> {
  const x = tensor(fillInput(shape), shape);
  const eager = values(noGrad(() => model.forward(x)));
  const found = new Map<string, Float32Array>();
  const fast = await compile(model, shape, { keepModel: true });
  const compiled = new Map(values(await fast.run(x)));
  assert.equal([...compiled.keys()].sort(), eager.map(([name]) => name).sort());
  for (const [name, t] of eager) {
    const y = compiled.get(name)!;
    assert.equal(y.shape, t.shape, name);
    const [a, b] = [t.dataSync(), y.dataSync()];
    const largest = a.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const worst = a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i]!)), 0);
    assert.ok(largest > 0 && worst <= 1e-5 * largest, `${name}: ${worst / largest} of the largest`);
    found.set(name, b);
    t.dispose();
    y.dispose();
  }
  fast.dispose();
  x.dispose();
  return found;
}

/** Said in a word: a comparison of the assertion library's would print thousands of numbers, and take minutes to. */
function sameBits(a: Float32Array, b: Float32Array, what: string): void {
  const differ = a.length === b.length ? a.filter((v, i) => !Object.is(v, b[i])).length : Number.NaN;
  assert.is(differ, 0, `${what}: ${differ} of ${a.length} values differ`);
}

// One of each kind of block and stem; small pictures, because compiling is what takes the time.
const families: [name: string, build: (options?: object) => PictureNet, shape: Shape, numClasses: string][] = [
  ["resnet18", resnet18, [2, 3, 32, 64], "numClasses"],
  ["cifarResnet20", cifarResnet20, [3, 3, 32, 32], "numClasses"],
  [
    "cifarPreactResnet20",
    (options) => new CifarPreactResNet(20, { ...options, bottleneck: true }),
    [1, 3, 32, 32],
    "numClasses",
  ],
  ["kerasResnet50 of width 8", (options) => kerasResnet50({ width: 8, ...options }), [1, 3, 64, 64], "classes"],
  ["kerasResnet50V2 of width 8", (options) => kerasResnet50V2({ width: 8, ...options }), [1, 3, 64, 64], "classes"],
  [
    "resnext with 8 groups",
    (options) => new ResNet(Bottleneck, [1, 1, 1, 1], { groups: 8, widthPerGroup: 4, ...options }),
    [1, 3, 64, 64],
    "numClasses",
  ],
];

for (const [name, build, shape, classes] of families) {
  test(`${name}: numClasses 0, resetClassifier, extract and featuresOnly, eager and compiled`, async () => {
    const net = filled(build({ [classes]: 10, init: "empty" }));
    const whole = await bothWays(net, shape);
    assert.is(whole.get("out")!.length, 10 * shape[0]);

    // What is taken out of the middle is the same launches, rewritten alike: the same bits, whatever else is taken.
    const last = "layer4" in net ? "layer4" : "layer3";
    const maps = await bothWays(extract(net, ["layer1", last]), shape);
    await bothWays(featuresOnly(net), shape);
    // Without the stem's: where its convolution is wanted by itself, the batch norm behind it cannot be folded into it.
    const levels = await bothWays(featuresOnly(net, { outIndices: [1, 2, -1] }), shape);
    for (const layer of ["layer1", last]) sameBits(maps.get(layer)!, levels.get(layer)!, layer);

    net.resetClassifier(0);
    assert.is(net.numClasses, 0);
    const features = await bothWays(net, shape);
    assert.is(features.get("out")!.length, net.numFeatures * shape[0]);
    const headless = build({ [classes]: 0, init: "empty" });
    headless.loadStateDict(net.stateDict());
    headless.eval().requiresGrad(false);
    sameBits((await bothWays(headless, shape)).get("out")!, features.get("out")!, "features");
    headless.dispose();

    net.resetClassifier(7);
    for (const [key, t] of net.fc.stateDict()) t.set(fillTensor(`fc.${key}`, t.shape));
    net.requiresGrad(false);
    assert.is((await bothWays(net, shape)).get("out")!.length, 7 * shape[0]);
    net.dispose();
  });

  test(`${name}: an RGB checkpoint in a network of one channel, eager and compiled`, async () => {
    const rgb = filled(build({ [classes]: 4, init: "empty" }));
    const grey = build({ [classes]: 4, inChannels: 1, init: "empty" });
    grey.loadStateDict(rgb.stateDict());
    grey.eval().requiresGrad(false);
    const [n, , h, w] = shape;
    const found = (await bothWays(grey, [n, 1, h, w])).get("out")!;
    // The same grey picture three times over.
    const one = fillInput([n, 1, h, w]);
    const three = new Float32Array(3 * one.length);
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < 3; c++) three.set(one.subarray(i * h * w, (i + 1) * h * w), (3 * i + c) * h * w);
    }
    const expected = noGrad(() => rgb.forward(tensor(three, shape))).dataSync();
    const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    assert.ok(found.every((v, i) => Math.abs(v - expected[i]!) <= 2e-5 * largest));
    rgb.dispose();
    grey.dispose();
  });
}

test("a block's second ReLU by its use, compiled", async () => {
  const net = filled(resnet50({ numClasses: 3, init: "empty" }));
  const maps = await bothWays(extract(net, ["layer4.2.relu", "layer4.2.relu_2", "maxpool"]), [1, 3, 64, 64]);
  assert.equal([...maps.keys()].sort(), ["layer4.2.relu", "layer4.2.relu_2", "maxpool"]);
  net.dispose();
});

test.run();
