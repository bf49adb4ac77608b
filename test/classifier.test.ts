import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Classifier } from "../src/classifier.ts";
import { createClassifier } from "../src/createClassifier.ts";
import { DisposedError } from "../src/errors.ts";
import { info, init } from "../src/init.ts";
import { saveSafetensors } from "../src/io/saveSafetensors.ts";
import { cifarResnet20 } from "../src/models/cifar.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { decodeImage } from "../src/vision/decode.ts";
import type { RawImage } from "../src/vision/image.ts";
import { readPictureFile } from "../src/vision/open.ts";
import { similarity, softmax } from "../src/vision/topk.ts";
import { repoRoot } from "./support/shared.ts";

const sample = join(repoRoot, "assets/sample/cat.jpg");

for (const backend of ["wasm", "js"] as const) {
  test(`${backend}: the embedded network sees the cat`, async () => {
    await init({ backend });
    const before = info().memory.blocks;
    const phases: string[] = [];
    const classifier = await createClassifier("cifar_resnet20", { onProgress: ({ phase }) => phases.push(phase) });
    const top = await classifier.classify(sample, { topK: 3 });
    assert.is(top.length, 3);
    assert.is(top[0]!.label, "cat");
    assert.equal(phases, ["open", "load", "ready"]);
    const again = await classifier.classify(await decodeImage(await readPictureFile(sample)), { topK: 3 });
    assert.equal(again, top);
    classifier.dispose();
    assert.is(info().memory.blocks, before, "everything was given back");
    try {
      await classifier.classify(sample);
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), /classifier was disposed/);
    }
  });
}

let classifier: Classifier;
let picture: RawImage;
test("a batch gives what single pictures give, bit for bit", async () => {
  await init({ backend: "wasm" });
  classifier = await createClassifier();
  picture = await decodeImage(await readPictureFile(sample));
  const flipped = { ...picture, data: picture.data.toReversed() };
  const [a, b] = [await classifier.logits([picture]), await classifier.logits([flipped])];
  const both = await classifier.logits([picture, flipped]);
  assert.equal([...both], [...a, ...b]);
  const three = await classifier.logits([picture, flipped, picture]);
  assert.equal([...three], [...a, ...b, ...a]);
});

test("calls at once: the first ones of a new classifier, and of so many sizes that programs push each other out", async () => {
  const { blocks, used } = info().memory;
  const expected = await classifier.logits([picture]);
  for (const counts of [
    [1, 1],
    [1, 2, 2],
    [1, 2, 3, 4, 5, 1, 2, 3],
  ]) {
    const fresh = await createClassifier();
    const found = await Promise.all(counts.map((n) => fresh.logits(Array.from({ length: n }, () => picture))));
    found.forEach((logits, i) => {
      assert.equal([...logits], Array.from({ length: counts[i]! }, () => [...expected]).flat(), `${counts}: call ${i}`);
    });
    fresh.dispose();
  }
  assert.equal([info().memory.blocks, info().memory.used], [blocks, used]);
});

test("dispose at any moment of a call: its answer or that the classifier was disposed, and everything is given back", async () => {
  const { blocks, used } = info().memory;
  const told: boolean[] = [];
  for (const warm of [false, true]) {
    for (let moment = 0; moment < 25; moment++) {
      const fresh = await createClassifier();
      if (warm) await fresh.logits([picture]);
      const call = fresh.logits(warm ? [picture, picture] : [picture]).catch((error: unknown) => error);
      for (let i = 0; i < moment; i++) await null;
      fresh.dispose();
      const answer = await call;
      told.push(answer instanceof DisposedError);
      if (!told.at(-1)) assert.instance(answer, Float32Array, `${answer}`);
      assert.equal([info().memory.blocks, info().memory.used], [blocks, used], `after ${moment} microtasks`);
    }
  }
  assert.ok(told.includes(true));
});

test("it stays on the backend that it was made on, whatever init makes current; with pictures of any number", async () => {
  for (const backend of ["wasm", "js"] as const) {
    await init({ backend });
    const [warm, fresh] = [await createClassifier(), await createClassifier()];
    const expected = [...(await warm.logits([picture]))];
    await init(backend === "js" ? {} : { threads: 2 });
    const later = await createClassifier();
    await later.logits([picture]);
    await init({ backend: "js" });
    for (const one of [warm, fresh]) {
      assert.equal([...(await one.logits([picture]))], expected);
      assert.equal([...(await one.logits([picture, picture]))], [...expected, ...expected]);
      assert.is(one.backend.backend, backend);
      one.dispose();
    }
    later.dispose();
  }
  await init({ backend: "wasm" });
});

test("features of the same picture are alike, and the classifier sees them", async () => {
  const feature = await classifier.embed(sample);
  assert.is(feature.length, 64);
  assert.ok(Math.abs(similarity(feature, await classifier.embed(sample)) - 1) < 1e-12);
});

test("the class activation map is exact: its mean and the bias make the logit", async () => {
  const picture = await decodeImage(await readPictureFile(sample));
  const explained = await classifier.explain(picture, { class: "dog" });
  assert.is(explained.index, 5);
  assert.equal([explained.map.width, explained.map.height], [picture.width, picture.height]);
  const png = await explained.png();
  const back = await decodeImage(png);
  assert.equal([back.width, back.height, back.channels], [picture.width, picture.height, 3]);
  assert.is((await classifier.explain(picture)).label, "cat");
  assert.ok(softmax(await classifier.logits([picture]))[3]! > 0.1);
});

test("classes that are not there are refused with the nearest", async () => {
  for (const [wanted, message] of [
    ["dgo", /unknown class "dgo".*"dog"/],
    [10, /from 0 to 9/],
  ] as const) {
    try {
      await classifier.explain(sample, { class: wanted });
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), message);
    }
  }
  classifier.dispose();
});

test("a checkpoint says how many classes and channels its network has", async () => {
  manualSeed(1);
  const state = cifarResnet20({ numClasses: 3, inChannels: 1 }).stateDict();
  const weights = saveSafetensors(state);
  const { greyClassification } = await import("../src/vision/presets.ts");
  const made = await createClassifier("cifarResnet20", { weights, preprocessing: greyClassification({ size: 32 }) });
  assert.is(made.numClasses, 3);
  assert.is(made.labels, undefined);
  assert.match((await made.classify(sample, { topK: 1 }))[0]!.label, /^class [012]$/);
  made.dispose();
  const plain = await createClassifier("cifarResnet20", { weights });
  assert.equal(plain.preprocessing, greyClassification(), "as `resnet-ts train` prepares grey pictures");
  assert.is((await plain.classify(sample)).length, 3);
  plain.dispose();
});

test("a checkpoint without a classifier gives features, the same ones", async () => {
  const net = cifarResnet20({ numClasses: 3 });
  const whole = net.stateDict();
  const headless = new Map([...whole].filter(([key]) => !key.startsWith("fc.")));
  const [a, b] = [
    await createClassifier("cifar_resnet20", { weights: saveSafetensors(whole) }),
    await createClassifier("cifar_resnet20", { weights: saveSafetensors(headless) }),
  ];
  assert.equal([b.numClasses, b.labels], [0, undefined]);
  assert.equal(await b.embed(sample), await a.embed(sample));
  for (const call of [b.classify(sample), b.logits([picture])]) {
    const error = await call.catch((error: unknown) => error);
    assert.match(String(error), /no classifier; use embed/);
  }
  for (const made of [a, b, net]) made.dispose();
});

test("a signal is heard while a call waits for its turn, and while it runs", async () => {
  const { blocks, used } = info().memory;
  const fresh = await createClassifier();
  await fresh.logits([picture]);
  const stop = new AbortController();
  const { signal } = stop;
  const calls = [
    fresh.logits([picture], { signal }),
    fresh.logits([picture], { signal }),
    fresh.classify(picture, { signal }),
    fresh.embed(picture, { signal }),
    fresh.explain(picture, { signal }),
  ].map((call) => call.catch((error: unknown) => String(error)));
  const unaware = fresh.logits([picture]);
  stop.abort(new Error("enough"));
  assert.equal(
    await Promise.all(calls),
    calls.map(() => "Error: enough"),
  );
  assert.is((await unaware).length, 10);
  fresh.dispose();
  assert.equal([info().memory.blocks, info().memory.used], [blocks, used]);
});

test("weights and labels must fit", async () => {
  const attempts: [() => Promise<unknown>, RegExp][] = [
    [() => createClassifier("plain18"), /plain18 needs weights/],
    [() => createClassifier("resnet81"), /did you mean "resnet18"/],
    [() => createClassifier("cifar_resnet20", { labels: [{ name: "one" }] }), /1 labels for 10 classes/],
    [
      () => createClassifier("cifar_resnet20", { labels: [..."abcdefghij"] as never }),
      /labels without a name: use labelsOf/,
    ],
    [() => createClassifier("cifar_resnet20", { weights: "no-such-file.th" }), /no-such-file.th/],
  ];
  for (const [attempt, message] of attempts) {
    const before = info().memory.blocks;
    try {
      await attempt();
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), message);
    }
    assert.is(info().memory.blocks, before);
  }
});

test.run();
