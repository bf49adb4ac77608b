import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { info, init } from "../src/init.ts";
import { loadCheckpoint } from "../src/io/checkpoint.ts";
import { cifarResnet20 } from "../src/models/cifar.ts";
import type { Module } from "../src/nn/module.ts";
import { subset } from "../src/train/data.ts";
import { evaluateNet } from "../src/train/evaluateNet.ts";
import { finetune, splitByClass } from "../src/train/finetune.ts";
import { fit } from "../src/train/fit.ts";
import type { FitOptions } from "../src/train/fitOptions.ts";
import { DataLoader, type TrainingData } from "../src/train/loader.ts";
import { checkReadable, prepareOnDemand } from "../src/train/onDemand.ts";
import { prepare } from "../src/train/prepared.ts";
import { encodePng } from "../src/vision/encodePng.ts";
import { openDataset } from "../src/vision/openDataset.ts";
import { imageClassification } from "../src/vision/presets.ts";
import { tinyData, tinyNet, tinyOptions } from "./support/tinyTraining.ts";

/** Batches that workers decode and augment: the same bits, and what happens when something is wrong with them. */
await init();
const root = mkdtempSync(join(tmpdir(), "resnet-ts-workers-"));
const preprocessing = imageClassification({ resizeSize: 9, cropSize: 8 });
const { normalize } = preprocessing;
const command = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
const here = (name: string) => new URL(`support/${name}.js`, import.meta.url);

/** 22 PNG files of 12x10 in three class folders; the colour is the class, with noise. */
async function folder(name: string): Promise<string> {
  let s = 1;
  for (let i = 0; i < 22; i++) {
    const data = new Uint8Array(12 * 10 * 3).map((_, p) => {
      s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
      return (s >>> 25) + (p % 3 === i % 3 ? 100 : 0);
    });
    const path = join(root, name, `class${i % 3}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, `${i}.png`), await encodePng({ data, width: 12, height: 10, channels: 3 }));
  }
  return join(root, name);
}

const pictures = await folder("pictures");
const onDemand = async (path = pictures, keep?: number) =>
  prepareOnDemand(await openDataset(path), { preprocessing, ...(keep === undefined ? {} : { keep }) });
const decoded = await prepare(await openDataset(pictures), { preprocessing });

function hash(net: Module): string {
  const sum = createHash("sha256");
  for (const [key, t] of net.stateDict()) sum.update(key).update(new Uint8Array(t.dataSync().buffer));
  return sum.digest("hex");
}

async function trained(data: TrainingData, options: Partial<FitOptions> = {}): Promise<string> {
  const net = tinyNet();
  const { history } = await fit(net, data, { ...tinyOptions, validation: data, ...options });
  const found = hash(net) + JSON.stringify(history.map(({ seconds: _, ...line }) => line));
  net.dispose();
  return found;
}

async function message(body: () => unknown): Promise<string> {
  try {
    await body();
  } catch (error) {
    return (error as Error).message;
  }
  return assert.unreachable("should have failed") as never;
}

const test = suite("data workers");
test.after(() => rmSync(root, { recursive: true, force: true }));

test("an epoch with crops, mirrors, cutout and mixup has the same bits for 0, 1 and 2 workers, entered in the middle as well", async () => {
  const augment = { pad: 1, flip: true, cutout: 2, mixup: 0.4 };
  const read = async (data: TrainingData, numWorkers: number, from = 0) => {
    const loader = new DataLoader(data, { batch: 4, normalize, seed: 3, augment, numWorkers });
    const found: unknown[] = [];
    for await (const { index, input, target, labels } of loader.batches(1, from)) {
      found.push([index, [...labels], [...input.dataSync()], [...target.dataSync()]]);
      input.dispose();
      target.dispose();
    }
    loader.dispose();
    return found;
  };
  const plain = new DataLoader(decoded, { batch: 4, normalize, seed: 3, augment });
  const expected = [...plain.epoch(1)].map(({ index, input, target, labels }) => {
    const values = [index, [...labels], [...input.dataSync()], [...target.dataSync()]];
    input.dispose();
    target.dispose();
    return values;
  });
  assert.is(expected.length, 6);
  for (const numWorkers of [0, 1, 2]) {
    assert.equal(await read(decoded, numWorkers), expected, `decoded, ${numWorkers} workers`);
    assert.equal(await read(await onDemand(), numWorkers), expected, `on demand, ${numWorkers} workers`);
    assert.equal(
      await read(await onDemand(pictures, 5 * 192), numWorkers, 2),
      expected.slice(2),
      `5 pictures kept, ${numWorkers}`,
    );
  }
});

test("a training with validation ends with the same bits, whoever makes its batches", async () => {
  const before = info().memory.used;
  const whole = await trained(decoded);
  assert.is.not(await trained(decoded, { seed: 6 }), whole, "another seed gives other bits: the test can fail");
  assert.is(await trained(decoded, { numWorkers: 1 }), whole);
  for (const numWorkers of [0, 1, 2])
    assert.is(await trained(await onDemand(), { numWorkers }), whole, `${numWorkers}`);
  assert.is(await trained(await onDemand(), { numWorkers: 1, prefetchFactor: 7 }), whole);
  assert.is(info().memory.used, before);
});

test("a run that was stopped in the middle of an epoch goes on with another number of workers to the same bits", async () => {
  const whole = await trained(decoded);
  for (const [first, then] of [
    [1, 2],
    [2, 0],
  ] as const) {
    const stop = new AbortController();
    let saved = new Uint8Array(0);
    const net = tinyNet();
    const data = await onDemand();
    const { steps } = await fit(net, data, {
      ...tinyOptions,
      validation: data,
      numWorkers: first,
      signal: stop.signal,
      checkpoint: (file) => {
        saved = file as Uint8Array<ArrayBuffer>;
      },
      onStep: ({ step }) => {
        if (step === 9) stop.abort();
      },
    });
    assert.is(steps, 9);
    net.dispose();
    assert.is(await trained(await onDemand(), { numWorkers: then, resume: await loadCheckpoint(saved) }), whole);
  }
});

test("workers are a bounded number of batches ahead", async () => {
  const data = await onDemand();
  const loader = new DataLoader(data, { batch: 4, normalize, numWorkers: 1, prefetchFactor: 2 });
  const decodedNow = () => data.store.ready.reduce((sum, is) => sum + is, 0);
  const batches = loader.batches(0);
  const first = (await batches.next()).value!;
  while (decodedNow() < 12) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.is(decodedNow(), 12, "the batch that is used, and two more");
  await batches.return();
  loader.dispose();
  first.input.dispose();
  first.target.dispose();
});

test("parts of a data set, evaluation and the features of finetune are the same on demand", async () => {
  const data = await onDemand();
  const [few, rest] = splitByClass(data, 0.4, 1);
  const [fewDecoded, restDecoded] = splitByClass(decoded, 0.4, 1);
  assert.equal([...few.labels], [...fewDecoded.labels]);
  const net = cifarResnet20({ numClasses: 3 });
  const [a, b] = [subset(rest, [3, 1, 2]), subset(restDecoded, [3, 1, 2])];
  const expected = await evaluateNet(net, b, { normalize });
  for (const numWorkers of [0, 1]) assert.equal(await evaluateNet(net, a, { normalize, numWorkers }), expected);
  const taught = await finetune(net, fewDecoded, { normalize, epochs: 3, batch: 4 });
  const weights = hash(net);
  assert.equal(await finetune(net, few, { normalize, epochs: 3, batch: 4, numWorkers: 1 }), taught);
  assert.is(hash(net), weights);
  net.dispose();
});

test("a picture that cannot be read: the same words from a worker, the run is saved, and goes on when it is mended", async () => {
  const path = await folder("broken");
  const file = join(path, "class1/13.png");
  const good = await encodePng({ data: new Uint8Array(360), width: 12, height: 10, channels: 3 });
  const found: string[] = [];
  for (const numWorkers of [0, 1, 2]) {
    writeFileSync(file, good);
    const whole = await trained(await onDemand(path));
    writeFileSync(file, good.subarray(0, 50));
    let saved = new Uint8Array(0);
    const checkpoint = (bytes: Uint8Array) => {
      saved = bytes as Uint8Array<ArrayBuffer>;
    };
    const data = await onDemand(path);
    // After each epoch it would be saved anyway; the bad picture comes in the first.
    found.push(await message(() => trained(data, { numWorkers, checkpoint, checkpointEvery: 1000 })));
    writeFileSync(file, good);
    const resume = await loadCheckpoint(saved);
    assert.is(await trained(await onDemand(path), { numWorkers, resume }), whole, `${numWorkers} workers`);
  }
  assert.match(found[0]!, /^a batch: 1 of 4 pictures cannot be read: .*class1\/13\.png: .*truncated/);
  assert.equal(found, [found[0], found[0], found[0]]);
  writeFileSync(file, good.subarray(0, 50));
  const all = await message(async () => checkReadable(await onDemand(path)));
  assert.match(all, /^prepare: 1 of 22 pictures cannot be read: .*class1\/13\.png/);
  assert.is(all, await message(async () => prepare(await openDataset(path), { preprocessing })));
});

test("a picture of the validation that cannot be read costs no step either", async () => {
  const path = await folder("unseen");
  const file = join(path, "class1/13.png");
  const good = readFileSync(file);
  const whole = await trained(decoded, { validation: await onDemand(path) });
  writeFileSync(file, good.subarray(0, 50));
  let saved = new Uint8Array(0);
  const checkpoint = (bytes: Uint8Array) => {
    saved = bytes as Uint8Array<ArrayBuffer>;
  };
  const validation = await onDemand(path);
  const said = await message(() => trained(decoded, { validation, numWorkers: 1, checkpoint, checkpointEvery: 1000 }));
  assert.match(said, /1 of 22 pictures cannot be read: .*class1\/13\.png/);
  writeFileSync(file, good);
  const steps: number[] = [];
  const resume = await loadCheckpoint(saved);
  const rest = {
    resume,
    validation: await onDemand(path),
    onStep: ({ step }: { step: number }) => void steps.push(step),
  };
  assert.is(await trained(decoded, rest), whole);
  assert.is(steps[0], 7, "goes on with the evaluation of the first epoch, then step 7");
});

test("a worker that ends, or whose script is not there, is an error that says what to do", async () => {
  const net = tinyNet();
  const run = (options: Partial<FitOptions>) => () =>
    fit(net, tinyData(), { ...tinyOptions, numWorkers: 1, ...options });
  const steps: number[] = [];
  const dead = run({
    dataWorker: here("mortalDataWorker"),
    prefetchFactor: 1,
    onStep: ({ step }) => void steps.push(step),
  });
  assert.match(
    await message(dead),
    /data worker .* ended \(the worker ended \(exit code 3\)\); numWorkers: 0 does without/,
  );
  assert.ok(steps.length >= 1 && steps.length <= 2, `steps ${steps}`);
  assert.match(
    await message(run({ dataWorker: new URL("nowhere.js", import.meta.url) })),
    /data worker could not be started.*nowhere\.js.*numWorkers: 0 does without.*dataWorker\.js/s,
  );
  net.dispose();
});

test("data that a worker cannot open, and wrong numbers, are refused in words", async () => {
  const dataset = await openDataset(pictures);
  const { origin: _, ...foreign } = dataset;
  const data = await prepareOnDemand(foreign, { preprocessing });
  const make =
    (numWorkers: number, prefetchFactor = 2) =>
    () =>
      new DataLoader(data, { batch: 4, normalize, numWorkers, prefetchFactor });
  assert.match(await message(make(1)), /workers can open only what openDataset opened/);
  assert.match(await message(make(-1)), /numWorkers must be a whole number of at least 0, got -1/);
  assert.match(await message(make(0, 0)), /prefetchFactor must be a whole number of at least 1, got 0/);
  assert.match(await message(() => [...make(0)().epoch(0)]), /decoded on demand; use batches/);
  const { labelOf: __, ...mute } = foreign;
  assert.match(await message(() => prepareOnDemand(mute, { preprocessing })), /has no labelOf.*use prepare/);
  const growing = await onDemand(await folder("growing"));
  const before = growing.store.dataset.length;
  writeFileSync(join(root, "growing/class0/later.png"), new Uint8Array(3));
  const net = tinyNet();
  await fit(net, growing, { ...tinyOptions, epochs: 1, numWorkers: 1 });
  assert.is(growing.store.dataset.length, before, "a picture that came later is not seen");
  net.dispose();
});

test("resnet-ts train lists all pictures that cannot be read, saves the run, and goes on to the bits of one that never met them", async () => {
  const path = join(root, "split");
  for (const split of ["train", "test"]) cpSync(pictures, join(path, split), { recursive: true });
  const good = readFileSync(join(pictures, "class2/2.png"));
  const bad = ["train/class2/2.png", "test/class2/2.png"].map((file) => join(path, file));
  const run = (out: string, ...more: string[]) =>
    spawnSync(
      process.execPath,
      [command, "train", "--data", path, "--out", join(root, out), "--epochs", "2", "--batch", "8", ...more],
      { encoding: "utf8" },
    );
  assert.is(run("whole", "--workers", "0").status, 0);
  for (const file of bad) writeFileSync(file, good.subarray(0, 40));
  const stopped = run("stopped", "--workers", "2");
  assert.is(stopped.status, 1, stopped.stderr);
  assert.match(
    stopped.stderr,
    /prepare: 1 of 22 pictures cannot be read: .*train\/class2\/2\.png.*truncated.*; prepare: 1 of 22 .*test\/class2\/2\.png/,
  );
  for (const file of bad) writeFileSync(file, good);
  const resumed = run("stopped", "--resume");
  assert.is(resumed.status, 0, resumed.stderr);
  const weights = (out: string) => readFileSync(join(root, out, "model.safetensors"));
  assert.ok(weights("stopped").equals(weights("whole")));
});

test("a process that leaves a loop, or stops a training, ends by itself", () => {
  const child = spawnSync(process.execPath, [fileURLToPath(here("leavingTraining"))], {
    encoding: "utf8",
    timeout: 30000,
  });
  assert.is(child.status, 0, `${child.signal} ${child.stderr}`);
  assert.is(child.stdout, "batch 0\nsteps 2\n");
});

test.run();
