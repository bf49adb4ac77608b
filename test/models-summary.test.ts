import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ModelName } from "../src/models/names.ts";
import { createModel } from "../src/models/registry.ts";
import { summary } from "../src/summary.ts";

// No backend is loaded here either: a summary computes nothing.
const giga: Partial<Record<ModelName, number>> = {
  resnet18: 1.814,
  resnet34: 3.664,
  resnet50: 4.089,
  resnet101: 7.801,
  resnet152: 11.514,
  resnext50_32x4d: 4.23,
  resnext101_32x8d: 16.414,
  resnext101_64x4d: 15.46,
  wide_resnet50_2: 11.398,
  wide_resnet101_2: 22.753,
  keras_resnet50: 3.858,
};
for (const [name, expected] of Object.entries(giga)) {
  test(`${name} costs ${expected} G multiply-accumulates at 224`, () => {
    const { macs, outputShape } = summary(createModel(name), [1, 3, 224, 224]);
    assert.is(Math.round(macs / 1e6) / 1e3, expected);
    assert.equal(outputShape, [1, 1000]);
  });
}

const mega: Partial<Record<ModelName, number>> = {
  cifar_resnet20: 40.6,
  cifar_resnet32: 68.9,
  cifar_resnet44: 97.2,
  cifar_resnet56: 125.5,
  cifar_resnet110: 252.9,
};
for (const [name, expected] of Object.entries(mega)) {
  test(`${name} costs ${expected} M`, () => {
    assert.is(Math.round(summary(createModel(name), [1, 3, 32, 32]).macs / 1e5) / 10, expected);
  });
}

test("the paper's stride on the first 1x1 costs 3.858 G", () => {
  assert.is(Math.round(summary(createModel("resnet50", { strideOn: "1x1" }), [1, 3, 224, 224]).macs / 1e6), 3858);
});

test("rows add up to the totals, and the network is as it was", () => {
  const net = createModel("resnet50");
  const s = summary(net, [2, 3, 64, 64]);
  const sum = (of: "parameters" | "macs") => s.rows.reduce((total, row) => total + row[of], 0);
  assert.is(sum("parameters"), 25_557_032);
  assert.is(sum("macs"), s.macs);
  assert.equal(s.rows[0], {
    layer: "conv1",
    type: "Conv2d",
    outputShape: [2, 64, 32, 32],
    parameters: 9408,
    macs: 2 * 9408 * 1024,
  });
  assert.equal(s.rows.at(-1)!.outputShape, [2, 1000]);
  assert.ok(s.rows.some((row) => row.layer === "layer4.2.relu_2" && row.type === "ReLU"));
  assert.ok([...net.modules()].every((m) => m.training && !Object.hasOwn(m, "forward")));
  assert.match(
    String(s),
    /^layer +type +output shape +parameters +multiply-accumulates\n-+\nconv1 +Conv2d +\[2, 64, 32, 32\] +9,408 /,
  );
  assert.match(String(s), /25,557,032 parameters \(25,557,032 trainable\), 0.\d+ G|25,557,032 parameters/);
});

test("shapes that do not fit are refused", () => {
  assert.throws(() => summary(createModel("resnet18"), [1, 4, 224, 224]), /conv2d: .*4 channels/);
});

test.run();
