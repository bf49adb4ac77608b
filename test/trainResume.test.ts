import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { init } from "../src/init.ts";
import { loadCheckpoint } from "../src/io/checkpoint.ts";
import { saveSafetensors } from "../src/io/saveSafetensors.ts";
import { writeFileAtomic } from "../src/platform/nodeWrite.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { fit } from "../src/train/fit.ts";
import type { FitOptions } from "../src/train/fitOptions.ts";
import { SGD } from "../src/train/optimizer.ts";
import { fails } from "./support/fails.ts";
import { tinyData, tinyNet, tinyOptions } from "./support/tinyTraining.ts";
import { hash, trained } from "./support/trained.ts";

/** Runs that are stopped, killed, or without room on the disk, and that go on to the same bits. */
await init();
const folder = mkdtempSync(join(tmpdir(), "resnet-ts-train-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("a killed process's run, resumed, ends with the same bits as one that was not stopped", async () => {
  const whole = await trained();
  assert.is(await trained(), whole, "twice the same");
  assert.is.not(await trained({ seed: 6 }), whole, "another seed gives other bits: the test can fail");
  const file = join(folder, "killed/checkpoint.safetensors");
  const script = fileURLToPath(new URL("support/killedTraining.js", import.meta.url));
  const child = spawnSync(process.execPath, [script, file], { encoding: "utf8" });
  assert.is(child.signal, "SIGKILL", child.stderr);
  assert.ok(existsSync(file));
  manualSeed(99); // whatever the generator was at
  const steps: number[] = [];
  const resumed = await trained({ resume: await loadCheckpoint(file), onStep: ({ step }) => void steps.push(step) });
  assert.is(steps[0], 9, "goes on after the last checkpoint, step 8");
  assert.is(resumed, whole);
});

test("a run that a signal stops is saved, and resumes to the same bits", async () => {
  const whole = await trained();
  const stop = new AbortController();
  let saved = new Uint8Array(0);
  const net = tinyNet();
  const result = await fit(net, tinyData(), {
    ...tinyOptions,
    signal: stop.signal,
    checkpoint: (file) => {
      saved = file as Uint8Array<ArrayBuffer>;
    },
    onStep: ({ step }) => {
      if (step === 3) stop.abort();
    },
  });
  assert.equal([result.finished, result.steps], [false, 3]);
  net.dispose();
  assert.is(await trained({ resume: await loadCheckpoint(saved) }), whole);
});

test("a signal that comes from outside, as a key does, is heard between two steps", async () => {
  const net = tinyNet();
  const stop = new AbortController();
  const options = { ...tinyOptions, epochs: 20, signal: stop.signal };
  const timer = setTimeout(() => stop.abort(), 1);
  const { finished, steps } = await fit(net, tinyData(), options);
  clearTimeout(timer);
  net.dispose();
  assert.not(finished, `it went on for all ${steps} steps`);
});

test("a checkpoint of another network, run, or version is refused, and nothing is changed", async () => {
  let saved = new Uint8Array(0);
  const net = tinyNet();
  const sgd = { momentum: 0.9, weightDecay: 1e-4 };
  await fit(net, tinyData(), {
    ...tinyOptions,
    epochs: 1,
    checkpoint: (file) => {
      saved = file as Uint8Array<ArrayBuffer>;
    },
  });
  const file = await loadCheckpoint(saved, { name: "run.safetensors" });
  const before = hash(net);
  const resume = (options: Partial<FitOptions>) =>
    fit(net, tinyData(), { ...tinyOptions, epochs: 1, resume: file, ...options });
  await fails(() => resume({ batch: 8 }), /run.safetensors: the run had other settings: batch was 4 and is 8/);
  await fails(() => resume({ schedule: 0.3 }), /rates was/);
  const renamed = { ...tinyData(), classes: ["a", "b", "d"] };
  await fails(
    () => fit(net, renamed, { ...tinyOptions, epochs: 1, resume: file }),
    /class 0 was "class0" and is "a"; class 1 .* and is "d"\. Resume/,
  );
  const [first, ...others] = net.namedParameters();
  const settings = (lrScale: number, weightDecay: number) => JSON.stringify({ lrScale, weightDecay });
  const differs = (parameter: string, was: string, is: string) =>
    new RegExp(`had other settings: ${parameter} was ${was} and is ${is}\\. Resume with the same, or start anew$`);
  const named = `parameter ${first![0]}`;
  const usual = settings(1, 1e-4);
  const slower = new SGD([{ parameters: [first!], lrScale: 0.5 }, { parameters: others }], sgd);
  await fails(() => resume({ optimizer: slower }), differs(named, usual, settings(0.5, 1e-4)));
  const undecayed = new SGD([{ parameters: [first!], weightDecay: 0 }, { parameters: others }], sgd);
  await fails(() => resume({ optimizer: undecayed }), differs(named, usual, settings(1, 0)));
  const fewer = new SGD(others, sgd);
  await fails(() => resume({ optimizer: fewer }), /parameters was (\d+) and is \d+; parameter .* and is undefined\. /);
  first![1].requiresGrad = false;
  await fails(() => resume({}), differs(named, usual, '"frozen"'));
  first![1].requiresGrad = true;
  for (const closed of ["run.safetensors", loadCheckpoint(saved), net.stateDict()]) {
    await fails(
      () => resume({ resume: closed as never }),
      /fit: resume: is no checkpoint of a training run \(loadCheckpoint opens one/,
    );
  }
  const other = tinyNet(4);
  await fails(
    () => fit(other, tinyData(), { ...tinyOptions, epochs: 1, resume: file }),
    /fc\.weight expected \[4, 4\], found \[3, 4\]/,
  );
  other.dispose();
  const weights = await loadCheckpoint(saveSafetensors(net.stateDict()), { name: "weights.safetensors" });
  await fails(() => resume({ resume: weights }), /weights.safetensors: is no checkpoint of a training run/);
  const text = new TextDecoder("latin1").decode(saved).replace('\\"format\\":1', '\\"format\\":9');
  const newer = await loadCheckpoint(
    Uint8Array.from(text, (c) => c.charCodeAt(0)),
    { name: "newer.safetensors" },
  );
  await fails(
    () => resume({ resume: newer }),
    /newer.safetensors: is a training checkpoint of format 9; this version of resnet-ts reads format 1/,
  );
  assert.is(hash(net), before);
  net.dispose();
});

test("a disk that is full while a checkpoint is written leaves the last good one", async () => {
  const path = join(folder, "good.bin");
  writeFileAtomic(path, new Uint8Array([1, 2, 3]));
  // The part beside it is a folder that is not empty: writing must fail, and the file must stay.
  mkdirSync(join(`${path}.part`, "in the way"), { recursive: true });
  await fails(
    () => writeFileAtomic(path, new Uint8Array(9)),
    /good.bin: cannot be written .*; what was there before is unchanged/,
  );
  assert.equal([...readFileSync(path)], [1, 2, 3]);
  if (existsSync("/dev/full")) {
    // A link to the device that is always full: the real ENOSPC.
    const full = join(folder, "full.bin");
    writeFileAtomic(full, new Uint8Array([4, 5]));
    const { symlinkSync } = await import("node:fs");
    symlinkSync("/dev/full", `${full}.part`);
    await fails(() => writeFileAtomic(full, new Uint8Array(9)), /full.bin: cannot be written \(the disk is full\)/);
    assert.equal([...readFileSync(full)], [4, 5]);
    assert.not(existsSync(`${full}.part`));
  } else console.log("there is no /dev/full here: the full disk is not tried");
});

test("a run on a disk that fills up stops with one message, and resumes from its last good checkpoint to the same bits", async () => {
  if (!existsSync("/dev/full")) return console.log("there is no /dev/full here: a run on a full disk is not tried");
  const whole = await trained();
  const checkpoint = join(folder, "filling/checkpoint.safetensors");
  const { symlinkSync } = await import("node:fs");
  const net = tinyNet();
  await fails(
    () =>
      fit(net, tinyData(), {
        ...tinyOptions,
        checkpoint,
        onStep: ({ step }) => {
          // Step 6 ends the first epoch; what is written from here on goes to a device without room.
          if (step === 7) symlinkSync("/dev/full", `${checkpoint}.part`);
        },
      }),
    /checkpoint\.safetensors: cannot be written \(the disk is full\); what was there before is unchanged/,
  );
  net.dispose();
  const steps: number[] = [];
  const resume = await loadCheckpoint(checkpoint);
  assert.is(await trained({ resume, onStep: ({ step }) => void steps.push(step) }), whole);
  assert.is(steps[0], 7, "goes on after the last checkpoint that was written whole");
});

test.run();
