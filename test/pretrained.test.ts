import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createClassifier } from "../src/createClassifier.ts";
import { init } from "../src/init.ts";
import { saveSafetensors } from "../src/io/saveSafetensors.ts";
import { resnet18 } from "../src/models/imagenet.ts";
import { pretrained } from "../src/pretrained.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { imagenetLabels } from "../src/vision/labels/imagenet.ts";
import { findWeights, publishedWeights, weightsOf } from "../src/weights.ts";
import { repoRoot } from "./support/shared.ts";

await init({ backend: "wasm" });
const cacheFolder = mkdtempSync(join(tmpdir(), "resnet-ts-weights-"));
test.after(() => rmSync(cacheFolder, { recursive: true, force: true }));

manualSeed(0);
const theirs = resnet18();
const file = saveSafetensors(theirs.stateDict(), { dtype: "F16" });
const asked: string[] = [];
const fetch = (async (url: string | URL | Request) => {
  asked.push(String(url));
  return new Response(file, { headers: { "content-length": String(file.length) } });
}) as typeof globalThis.fetch;
const local = { cacheFolder, fetch, retries: 0 };

test("names of weights: the default is torchvision's newest, unknown ones suggest", () => {
  assert.is(findWeights("resnet50", "DEFAULT").name, "IMAGENET1K_V2");
  assert.is(findWeights("resnet18", "DEFAULT").name, "IMAGENET1K_V1");
  assert.is(findWeights("resnext101_64x4d", "DEFAULT").preprocessing.resize, 232);
  assert.throws(() => findWeights("plain18", "DEFAULT"), /^no weights of plain18 are published; give a checkpoint/);
  assert.throws(
    () => findWeights("resnet50", "IMAGENET1K_V3"),
    /unknown weights of resnet50 "IMAGENET1K_V3"; did you mean "IMAGENET1K_V/,
  );
  assert.is(weightsOf("cifar_resnet20").length, 0);
  for (const { pth } of publishedWeights) if (pth !== undefined) assert.match(pth, /-[0-9a-f]{8}\.pth$/);
});

test("published weights come by way of the cache, with the classifier that is wanted", async () => {
  const options = { ...local, format: "safetensors" } as const;
  const net = await pretrained("resnet18", options);
  assert.equal(asked, ["https://huggingface.co/timm/resnet18.tv_in1k/resolve/main/model.safetensors"]);
  assert.not(net.training);
  const [a, b] = [net.stateDict(), theirs.stateDict()].map((s) => s.get("layer1.0.conv1.weight")!.dataSync());
  assert.ok(a!.every((v, i) => Math.abs(v - b![i]!) <= 1e-3 * Math.abs(b![i]!) + 1e-7));
  net.dispose();
  const own = await pretrained("resnet18", { ...options, numClasses: 3, inChannels: 1 });
  assert.is(own.numClasses, 3);
  assert.is(own.conv1.inChannels, 1);
  assert.is(asked.length, 1, "the second came from the cache");
  own.dispose();
});

test("options that nobody reads are refused, with the nearest that there is", async () => {
  const refused = async (options: object, message: RegExp) => {
    try {
      (await pretrained("resnet18", { ...local, format: "safetensors", ...options })).dispose();
      assert.unreachable(`expected ${message}`);
    } catch (error) {
      assert.match((error as Error).message, message);
    }
  };
  await refused({ num_classes: 3 }, /unknown option of pretrained "num_classes"; did you mean "numClasses"/);
  await refused({ sha256: "00000000" }, /unknown option of pretrained "sha256"/);
  const misspelt = { fetch: { ...local, ofline: true }, worker: false };
  const error = await createClassifier("resnet18", misspelt as object).catch((error: Error) => error);
  assert.match((error as Error).message, /unknown option of fetchFile "ofline"; did you mean "offline"/);
});

test("a .pth whose SHA-256 is not that of its name is refused", async () => {
  try {
    await pretrained("resnet18", { ...local, format: "pth" });
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /SHA-256 is .*expected f37072fd/);
  }
});

test("non-commercial weights need an explicit option", async () => {
  try {
    await pretrained("resnet18", { ...local, weights: "FB_SWSL" });
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /CC-BY-NC-4.0 forbids commercial use.*allowNonCommercial/);
  }
  const net = await pretrained("resnet18", { ...local, weights: "FB_SWSL", allowNonCommercial: true });
  assert.match(asked.at(-1)!, /resnet18\.fb_swsl_ig1b_ft_in1k/);
  net.dispose();
});

test("a classifier by name has the weights' preprocessing and ImageNet's labels, and tells how it goes", async () => {
  const phases = new Set<string>();
  const classifier = await createClassifier("resnet18", {
    weights: "IMAGENET1K_V1",
    fetch: { ...local, format: "safetensors", cacheFolder: join(cacheFolder, "other") },
    onProgress: ({ phase }) => phases.add(phase),
  });
  assert.equal([...phases], ["open", "download", "load", "ready"]);
  assert.is(classifier.labels, imagenetLabels);
  assert.is(classifier.preprocessing.resize, 256);
  assert.is((await classifier.classify(join(repoRoot, "assets/sample/cat.jpg"))).length, 5);
  classifier.dispose();
});

test.run();
