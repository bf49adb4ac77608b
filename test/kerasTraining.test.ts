import { suite } from "uvu";
import * as assert from "uvu/assert";
import { init } from "../src/init.ts";
import { kerasResnet50V2 } from "../src/models/keras.ts";
import { createForLogits } from "../src/models/logits.ts";
import { modelNames } from "../src/models/names.ts";
import { Softmax } from "../src/nn/softmax.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { evaluateNet } from "../src/train/evaluateNet.ts";
import { finetune } from "../src/train/finetune.ts";
import { fit } from "../src/train/fit.ts";
import { DataLoader } from "../src/train/loader.ts";
import { SGD } from "../src/train/optimizer.ts";
import { multiStep } from "../src/train/schedule.ts";
import { imageClassification } from "../src/vision/presets.ts";
import { tinyData } from "./support/tinyTraining.ts";

/** Keras's networks give probabilities; losses are computed from logits. */
const test = suite("kerasTraining");
await init();
const data = tinyData();
const { normalize } = imageClassification();
const classes = data.classes.length;
const small = (classifierActivation: "softmax" | null) => {
  manualSeed(1);
  return kerasResnet50V2({ classes, width: 4, classifierActivation });
};
const refused = async (body: () => unknown, pattern: RegExp) => {
  const error: unknown = await Promise.resolve()
    .then(body)
    .then(
      () => undefined,
      (e: unknown) => e,
    );
  assert.ok(error instanceof Error, `should have failed with ${pattern}`);
  assert.match(error.message, pattern);
};

test("fit refuses a network that ends in a softmax, and takes the same one without", async () => {
  const [net, logits] = [small("softmax"), small(null)];
  await refused(() => fit(net, data, { epochs: 1, batch: 8, normalize }), /softmax.*classifierActivation: null/);
  const { history } = await fit(logits, data, { epochs: 1, batch: 8, normalize });
  assert.ok(Number.isFinite(history[0]!.trainLoss));
  net.dispose();
  logits.dispose();
});

test("evaluateNet's loss and accuracy are the same from probabilities as from logits", async () => {
  const [net, logits] = [small("softmax"), small(null)];
  const found = await evaluateNet(net, data, { normalize });
  const expected = await evaluateNet(logits, data, { normalize });
  assert.is(found.correct, expected.correct);
  assert.ok(Math.abs(found.loss - expected.loss) < 1e-5 * expected.loss, `${found.loss}, expected ${expected.loss}`);
  net.dispose();
  logits.dispose();
});

test("a new classifier gives logits, so that finetune and fit go on with it", async () => {
  const net = small("softmax");
  await finetune(net, data, { normalize, epochs: 2 });
  assert.not.ok([...net.modules()].some((m) => m instanceof Softmax));
  net.requiresGrad(true);
  await fit(net, data, { epochs: 1, batch: 8, normalize });
  net.dispose();
});

test("every network by name is built for logits with so many classes and channels", () => {
  for (const name of modelNames) {
    const net = createForLogits(name, { numClasses: 7, inChannels: 1, init: "empty" });
    assert.is(net.numClasses, 7, name);
    assert.is(net.conv1.inChannels, 1, name);
    assert.not.ok(
      [...net.modules()].some((m) => m instanceof Softmax),
      name,
    );
    net.dispose();
  }
});

test("what PyTorch's callers write first is answered in words", async () => {
  const net = small(null);
  await refused(
    () => new SGD(net.parameters() as never),
    /SGD: needs parameters with their names: net\.namedParameters/,
  );
  await refused(() => new SGD(net.namedParameters(), { lr: 0.1 } as never), /unknown option of SGD "lr"/);
  await refused(() => multiStep(0.1, [82, 123] as never), /milestones: \[82, 123\]/);
  await refused(() => new DataLoader(data, { batch: 8 } as never), /normalize is missing/);
  const gone = net.fc.parameters()[0]!;
  net.dispose();
  await refused(() => gone.dataSync(), /disposed.*keepModel/);
});

test.run();
