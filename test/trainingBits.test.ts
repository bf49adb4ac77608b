import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { info, init } from "../src/init.ts";
import { loadCheckpoint } from "../src/io/checkpoint.ts";
import { CifarResNet } from "../src/models/cifar.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { fit } from "../src/train/fit.ts";
import type { FitOptions } from "../src/train/fitOptions.ts";
import type { PreparedData } from "../src/train/prepared.ts";
import { cosine, warmUp } from "../src/train/schedule.ts";

/**
 * A whole training run has the same bits for any number of threads, and when it goes on with another number of threads in the
 * middle: weights, running statistics, the optimiser's velocities, averages and the random generator after 20 steps of an eight-layer
 * residual network, whose layers have tails of tiles and channels enough for every kernel of training (Winograd's too).
 */
const steps = 20;
const data: PreparedData = pictures(80, 20);
const options: FitOptions = {
  epochs: 4,
  batch: 16,
  schedule: warmUp(0.2, cosine(0.05)),
  augment: { pad: 2, flip: true, cutout: 3, mixup: 0.4 },
  labelSmoothing: 0.1,
  clipNorm: 5,
  ema: 0.9,
  seed: 3,
};

function pictures(length: number, side: number): PreparedData {
  let s = 9;
  const pixels = Uint8Array.from({ length: length * side * side * 3 }, () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return s >>> 24;
  });
  const labels = Uint16Array.from({ length }, (_, i) => i % 4);
  return { length, channels: 3, height: side, width: side, pixels, labels, classes: ["a", "b", "c", "d"] };
}

/** Everything that a checkpoint has but the clock's time. */
async function hash(file: Uint8Array): Promise<string> {
  const sum = createHash("sha256");
  for (const [key, t] of await loadCheckpoint(file)) sum.update(key).update(t.bytes());
  return sum.digest("hex");
}

interface Result {
  readonly hash: string;
  readonly losses: readonly number[];
  /** The checkpoint after half of the steps. */
  readonly half: Uint8Array;
}

async function train(threads: number, more: Partial<FitOptions> = {}): Promise<Result> {
  await init({ threads });
  assert.is(info().threads, threads);
  manualSeed(1);
  const net = new CifarResNet(8, { numClasses: 4 });
  const files: Uint8Array[] = [];
  const losses: number[] = [];
  const result = await fit(net, data, {
    ...options,
    checkpointEvery: steps / 2,
    checkpoint: (file) => void files.push(file),
    onStep: ({ loss }) => void losses.push(loss),
    ...more,
  });
  assert.is(result.steps, steps);
  net.dispose();
  return { hash: await hash(files.at(-1)!), losses, half: files.find((_, i) => i >= files.length - 3)! };
}

const test = suite("training: the same bits");
const one = await train(1);

test("another seed gives other bits: the test can fail", async () => {
  assert.is(one.losses.length, steps);
  assert.is.not((await train(1, { seed: 4 })).hash, one.hash);
});

for (const threads of [2, 3, 4]) {
  test(`${threads} threads`, async () => {
    const found = await train(threads);
    assert.equal(found.losses, one.losses);
    assert.is(found.hash, one.hash);
  });
}

test("stopped and resumed with another number of threads", async () => {
  const resume = await loadCheckpoint(one.half);
  const found = await train(3, { resume });
  assert.ok(
    found.losses.length > 0 && found.losses.length < steps,
    `${found.losses.length} steps after the resumption`,
  );
  assert.equal(found.losses, one.losses.slice(-found.losses.length));
  assert.is(found.hash, one.hash);
});

test.after(() => init({ threads: 1 }).then(() => undefined));

test.run();
