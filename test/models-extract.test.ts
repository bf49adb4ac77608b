import { test } from "uvu";
import * as assert from "uvu/assert";
import { noGrad } from "../src/autograd/apply.ts";
import { backward } from "../src/autograd/backward.ts";
import type { Backend } from "../src/backend/backend.ts";
import { init } from "../src/init.ts";
import { cifarResnet20 } from "../src/models/cifar.ts";
import { extract, featuresOnly } from "../src/models/extract.ts";
import { resnet18, resnet50 } from "../src/models/imagenet.ts";
import { createModel } from "../src/models/registry.ts";
import type { Module } from "../src/nn/module.ts";
import { currentMemory } from "../src/tensor/memory.ts";
import { tidy } from "../src/tensor/scope.ts";
import { ones, type Tensor, tensor } from "../src/tensor/tensor.ts";
import { fillInput, fillTensor } from "./support/fill.ts";

await init({ backend: "js" });
const blocks = (): number => (currentMemory() as Backend).info().memory.blocks;

function filled<Net extends Module>(net: Net): Net {
  for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape));
  net.eval();
  return net;
}

const picture = (...shape: [number, number, number, number]): Tensor => tensor(fillInput(shape), shape);

test("maps by name are those that the network computes", () => {
  const net = filled(cifarResnet20());
  const x = picture(2, 3, 16, 16);
  const before = blocks();
  const maps = noGrad(() => extract(net, ["layer1", "layer3.2.relu_1", "conv1", "layer2.0.relu"]).forward(x));
  assert.equal(Object.keys(maps), ["layer1", "layer3.2.relu_1", "conv1", "layer2.0.relu"]);
  assert.is(blocks(), before + 4);
  assert.equal(maps.layer1!.shape, [2, 16, 16, 16]);
  assert.equal(maps["layer2.0.relu"]!.shape, [2, 32, 8, 8]);
  // The last ReLU of the last block is the last map.
  assert.equal(maps["layer3.2.relu_1"]!.dataSync(), net.forwardFeatures(x).dataSync());
  assert.equal(maps.conv1!.dataSync(), net.conv1.forward(x).dataSync());
  assert.ok([...net.modules()].every((m) => !Object.hasOwn(m, "forward")));
});

test("autograd follows the maps, the last one and those before it", () => {
  const net = filled(cifarResnet20());
  const x = picture(2, 3, 8, 8);
  const before = blocks();
  tidy(() => {
    const { layer1, layer2 } = extract(net, ["layer1", "layer2"]).forward(x);
    backward(layer2!, ones(layer2!.shape));
    layer1!.dispose();
  });
  const grads = net.parameters().flatMap((p) => (p.grad ? [p.grad.dataSync().slice()] : []));
  assert.is(grads.length, 3 + 18 + 18); // the stem, and three blocks each
  net.zeroGrad();
  tidy(() => {
    const y = net.layer2.forward(net.layer1.forward(net.relu.forward(net.bn1.forward(net.conv1.forward(x)))));
    backward(y, ones(y.shape));
  });
  assert.equal(
    net.parameters().flatMap((p) => (p.grad ? [p.grad.dataSync().slice()] : [])),
    grads,
  );
  net.zeroGrad();
  tidy(() => {
    const { layer1, layer2 } = extract(net, ["layer1", "layer2"]).forward(x);
    layer2!.dispose();
    backward(layer1!, ones(layer1!.shape));
    assert.ok(net.conv1.weight.grad);
  });
  net.zeroGrad();
  assert.is(blocks(), before, "nothing is left behind");
});

test("maps belong to the tidy around them", () => {
  const net = filled(cifarResnet20());
  const x = picture(1, 3, 8, 8);
  const before = blocks();
  tidy(() => {
    extract(net, ["layer1", "layer2"]).forward(x);
  });
  assert.is(blocks(), before);
});

test("a pass that fails gives everything back", () => {
  const net = filled(cifarResnet20());
  const x = picture(1, 4, 8, 8);
  const before = blocks();
  assert.throws(() => extract(net, ["layer1"]).forward(x), /4 channels/);
  assert.is(blocks(), before);
  assert.ok([...net.modules()].every((m) => !Object.hasOwn(m, "forward")));
  assert.throws(() => extract(net, ["layer1", "relu_7"]).forward(picture(1, 3, 8, 8)), /never used relu_7/);
});

test("unknown names are refused with the nearest", () => {
  assert.throws(
    () => extract(resnet50(), ["layer4.2.rellu"]),
    /unknown module "layer4.2.rellu"; did you mean "layer4.2.relu"/,
  );
  assert.throws(() => extract(resnet50(), []), /at least one/);
});

test("features only: five levels, or those asked for", () => {
  assert.equal(featuresOnly(resnet50()).names, ["relu", "layer1", "layer2", "layer3", "layer4"]);
  assert.equal(featuresOnly(resnet50(), { outIndices: [1, -1] }).names, ["layer1", "layer4"]);
  assert.equal(featuresOnly(createModel("keras_resnet50v2")).names, ["conv1", "layer1", "layer2", "layer3", "layer4"]);
  assert.throws(() => featuresOnly(resnet50(), { outIndices: [5] }), /from 0 to 4/);
  const maps = featuresOnly(filled(cifarResnet20())).forward(picture(1, 3, 32, 32));
  assert.equal(
    Object.values(maps).map((m) => m.shape),
    [
      [1, 16, 32, 32],
      [1, 16, 32, 32],
      [1, 32, 16, 16],
      [1, 64, 8, 8],
    ],
  );
});

test("without a classifier the network gives pooled features, and leaves the checkpoint's classifier aside", () => {
  const whole = filled(cifarResnet20());
  const headless = cifarResnet20({ numClasses: 0 }).eval();
  headless.loadStateDict(whole.stateDict());
  const x = picture(2, 3, 16, 16);
  const features = headless.forward(x);
  assert.equal(features.shape, [2, 64]);
  assert.equal(whole.fc.forward(features).dataSync(), whole.forward(x).dataSync());
});

test("a new classifier has the mode and the classes asked for", () => {
  const net = filled(resnet18({ numClasses: 4 }));
  net.resetClassifier(7);
  assert.is(net.numClasses, 7);
  assert.not(net.fc.training);
  assert.equal(net.forward(picture(1, 3, 32, 32)).shape, [1, 7]);
  assert.throws(() => net.resetClassifier(1.5), /numClasses/);
});

test("an RGB stem is summed for one channel, repeated and rescaled for others", () => {
  const rgb = filled(cifarResnet20());
  const from = rgb.conv1.weight.dataSync();
  const grey = cifarResnet20({ inChannels: 1 });
  grey.loadStateDict(rgb.stateDict());
  const summed = grey.conv1.weight.dataSync();
  for (let o = 0; o < 16; o++) {
    for (let i = 0; i < 9; i++) {
      const at = o * 27 + i;
      assert.is(summed[o * 9 + i], Math.fround(from[at]! + from[at + 9]! + from[at + 18]!));
    }
  }
  const four = cifarResnet20({ inChannels: 4 });
  four.loadStateDict(rgb.stateDict());
  const repeated = four.conv1.weight.dataSync();
  assert.is(repeated[27], Math.fround(from[0]! * 0.75));
  assert.is(repeated[36], Math.fround(from[27]! * 0.75));
  // The same grey picture in three channels and in one.
  const x = fillInput([1, 1, 16, 16]);
  const three = new Float32Array([...x, ...x, ...x]);
  const a = rgb.forward(tensor(three, [1, 3, 16, 16])).dataSync();
  const b = grey
    .eval()
    .forward(tensor(x, [1, 1, 16, 16]))
    .dataSync();
  const scale = Math.max(...a.map(Math.abs));
  assert.ok(a.every((v, i) => Math.abs(v - b[i]!) < 1e-5 * scale));
});

test.run();
