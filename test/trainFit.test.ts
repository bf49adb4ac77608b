import { test } from "uvu";
import * as assert from "uvu/assert";
import { info, init } from "../src/init.ts";
import { evaluateNet } from "../src/train/evaluateNet.ts";
import { fit } from "../src/train/fit.ts";
import type { FitOptions } from "../src/train/fitOptions.ts";
import { estimateMemory } from "../src/train/memory.ts";
import { prepareOnDemand } from "../src/train/onDemand.ts";
import { prepare } from "../src/train/prepared.ts";
import { oneCycle } from "../src/train/schedule.ts";
import type { ImageDataset } from "../src/vision/datasets.ts";
import { imageClassification } from "../src/vision/presets.ts";
import { fails } from "./support/fails.ts";
import { tinyData, tinyNet, tinyOptions } from "./support/tinyTraining.ts";
import { trained } from "./support/trained.ts";

/** Whole runs of training. */
await init();
const normalize = imageClassification().normalize;

test("recomputing activations gives the same bits with less memory", async () => {
  const whole = await trained();
  assert.is(await trained({ recompute: true }), whole);
  const net = tinyNet();
  const shape = [4, 3, 8, 8];
  assert.ok(estimateMemory(net, shape, { recompute: true }).activations < estimateMemory(net, shape).activations);
  net.dispose();
});

test("the memory estimate is above what is used and below twice of it", async () => {
  const net = tinyNet();
  const data = tinyData(128);
  const before = info().memory.used;
  let most = 0;
  let estimated = 0;
  const listen = net.fc.onForward(() => {
    most = Math.max(most, info().memory.used - before);
  });
  await fit(net, data, {
    epochs: 1,
    batch: 64,
    onStart: ({ memory }) => {
      estimated = memory.total - memory.working;
    },
  });
  listen();
  assert.ok(most <= estimated * 1.05 && estimated < 2 * most, `estimated ${estimated}, used ${most}`);
  net.dispose();
});

test("nothing is left in memory, and a tiny network learns", async () => {
  const before = info().memory.used;
  const net = tinyNet(3, 0);
  const data = tinyData(60);
  const { history } = await fit(net, data, { epochs: 12, batch: 6, schedule: oneCycle(0.1), validation: data });
  assert.ok(history.at(-1)!.testAccuracy! > 0.95, JSON.stringify(history.at(-1)));
  assert.ok(history.at(-1)!.trainLoss < history[0]!.trainLoss / 2);
  const { correct, count } = await evaluateNet(net, data, { normalize });
  assert.is(correct / count, history.at(-1)!.testAccuracy);
  net.dispose();
  assert.is(info().memory.used, before);
});

test("a rate that diverges stops with the layer's name", async () => {
  const net = tinyNet(3, 0);
  await fails(
    () => fit(net, tinyData(), { epochs: 50, batch: 4, schedule: 1e30 }),
    /diverged at step \d+ \(epoch \d+\): the loss is (NaN|-?Infinity), (the output of )?(conv|layer1|fc)[\w.]* holds (NaN|-?Infinity).*learning rate was 1e\+30/,
  );
  net.dispose();
});

test("bad data and options are refused in words", async () => {
  const net = tinyNet();
  const data = tinyData();
  const refused: [Partial<FitOptions>, RegExp][] = [
    [{ batch: 100 }, /the batch of 100 is larger than the data: 22 pictures/],
    [{ batch: 1 }, /batch norm has no statistics of a batch of 1/],
    [{ batch: 2.5 }, /batch must be a whole number/],
    [{ epochs: 0 }, /epochs must be a whole number of at least 1/],
    [
      { validation: tinyData(6, 2) },
      /has other classes \(class0, class1\) than the training data \(class0, class1, class2\)/,
    ],
    [{ validation: tinyData(6, 4) }, /other classes \(.*class3\) than/],
  ];
  for (const [options, pattern] of refused) await fails(() => fit(net, data, { ...tinyOptions, ...options }), pattern);
  await fails(
    () => fit(net, { ...data, labels: data.labels.map(() => 7) }, tinyOptions),
    /label 7 is not one of 3 classes/,
  );
  await fails(
    () => fit(net, { ...data, labels: data.labels.map(() => 1) }, tinyOptions),
    /no picture shows class0, class2/,
  );
  await fails(() => fit(net, tinyData(9, 1), tinyOptions), /the data has 1 class \(class0\); at least two are needed/);
  await fails(
    () => fit(net, tinyData(20, 5), tinyOptions),
    /the data has 5 classes and the network's output is \[4,3\]/,
  );
  net.dispose();
});

test("pictures that cannot be read are listed, labels out of range and other sizes refused", async () => {
  const image = (width: number) => ({ data: new Uint8Array(width * 3), width, height: 1, channels: 3 as const });
  const set = (get: ImageDataset["get"], length = 8): ImageDataset => ({
    length,
    classes: ["a", "b"],
    get,
    nameOf: (i) => `p${i}.png`,
  });
  const { FileFormatError } = await import("../src/errors.ts");
  await fails(
    () =>
      prepare(
        set((i) => {
          if (i > 1) throw new FileFormatError(`p${i}.png`, "is truncated");
          return { image: image(2), label: 0 };
        }),
      ),
    /6 of 8 pictures cannot be read: p2.png: is truncated; .*; and 1 more/,
  );
  await fails(() => prepare(set(() => ({ image: image(2), label: 2 }))), /p0.png: label 2 is not one of the 2 classes/);
  await fails(
    () => prepare(set((i) => ({ image: image(2 + i), label: 0 }))),
    /p1.png: is 3x1 .* the first picture 2x1/,
  );
  await fails(() => prepare(set(() => ({ image: image(2), label: 0 }), 0)), /the data set is empty/);
});

test("what was forgotten on the way from a path to training is named", async () => {
  const promised = Promise.resolve(tinyData()) as never;
  for (const given of ["pictures" as never, promised]) {
    await fails(
      () => prepare(given),
      /^prepare: needs a data set, such as `await openDataset\(folder\)`, got (String|string|Promise)$/,
    );
    await fails(() => prepareOnDemand(given), /^prepareOnDemand: needs a data set, such as/);
    await fails(
      () => fit(tinyNet(), given, tinyOptions),
      /^training: needs pictures as prepare or prepareOnDemand gives them, got/,
    );
  }
  await fails(() => fit(tinyNet(), tinyData(), undefined as never), /^fit: options are an object, \{ epochs: … \}/);
});

test.run();
