// Weights of a network that nobody looked at are read straight into linear memory, once, and turned there.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { info, init } from "../src/init.ts";
import { loadCheckpoint } from "../src/io/checkpoint.ts";
import { saveSafetensors } from "../src/io/saveSafetensors.ts";
import * as nn from "../src/nn/index.ts";
import type { StateTensor } from "../src/nn/stateDict.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { numel } from "../src/tensor/shape.ts";
import { zeros } from "../src/tensor/tensor.ts";
import { fillTensor } from "./support/fill.ts";

/** Filters of 9, 3 and 1 taps, with channels that four divides and with others; a depthwise one turns nothing. */
const network = () =>
  new nn.Sequential(
    new nn.Conv2d(3, 8, 3),
    new nn.BatchNorm2d(8),
    new nn.Conv2d(8, 8, [3, 1], { groups: 8 }),
    new nn.Conv2d(8, 5, [1, 3]),
    new nn.Conv2d(5, 7, 1),
    new nn.Flatten(),
    new nn.Linear(7, 2),
  );

interface Counted extends StateTensor {
  reads: number;
}

/** What a checkpoint gives, with a count of how often each was read. */
function state(change: (key: string, values: Float32Array) => void = () => {}): Map<string, Counted> {
  return new Map(
    [...network().stateDict()].map(([key, { shape }]) => {
      const values = fillTensor(key, shape);
      change(key, values);
      const made: Counted = {
        shape,
        reads: 0,
        read: () => values,
        readInto(target) {
          made.reads++;
          target.set(values);
        },
      };
      return [key, made];
    }),
  );
}

const equal = (net: nn.Module<unknown>, what: string) => {
  for (const [key, t] of net.stateDict()) assert.equal(t.dataSync(), fillTensor(key, t.shape), `${what}: ${key}`);
};

for (const threads of [1, 2]) {
  test(`on ${threads} threads: read once, the values of the file, no memory left behind`, async () => {
    await init({ backend: "wasm", threads });
    const net = network();
    const before = info().memory;
    const weights = state();
    net.loadStateDict(weights);
    for (const [key, { reads }] of weights) assert.is(reads, 1, key);
    const { used, blocks } = info().memory;
    assert.is(blocks, before.blocks + weights.size);
    const most = [...weights.values()].reduce((sum, { shape }) => sum + numel(shape) * 4 + 63, 0);
    assert.ok(used - before.used <= most, `${used - before.used} bytes for ${most}`);
    equal(net, "fresh");
    net.loadStateDict(weights); // somebody has looked: nothing may be written before all is read
    for (const [key, { reads }] of weights) assert.is(reads, 3, key);
    equal(net, "again");
    net.dispose();
  });

  for (const dtype of ["F32", "F16", "BF16"] as const) {
    test(`on ${threads} threads: ${dtype}, from memory and from disk`, async () => {
      await init({ backend: "wasm", threads });
      const from = network();
      from.loadStateDict(state());
      const folder = mkdtempSync(join(tmpdir(), "resnet-ts-"));
      try {
        const bytes = await saveSafetensors(from.stateDict(), { dtype });
        const path = join(folder, "network.safetensors");
        writeFileSync(path, bytes);
        const expected = await loadCheckpoint(bytes);
        for (const source of [bytes, path]) {
          const to = network();
          to.loadStateDict(await loadCheckpoint(source));
          for (const [key, t] of to.stateDict()) assert.equal(t.dataSync(), expected.get(key)!.read(), key);
          to.dispose();
        }
      } finally {
        rmSync(folder, { recursive: true });
        from.dispose();
      }
    });
  }
}

test("one value that is not finite, wherever it stands, and the network is as it was", async () => {
  await init({ backend: "wasm", threads: 1 });
  manualSeed(5);
  const untouched = network();
  const drawn = untouched.stateDict().get("3.weight")!.dataSync();
  for (const [key, at, value] of [
    ["0.weight", 0, Number.NaN],
    ["1.running_var", 7, Number.POSITIVE_INFINITY],
    ["3.weight", 119, Number.NEGATIVE_INFINITY],
    ["6.bias", 1, Number.NaN],
  ] as const) {
    manualSeed(5);
    const net = network();
    const before = info().memory;
    const bad = state((name, values) => {
      if (name === key) values[at] = value;
    });
    const count = bad.get(key)!.shape.reduce((a, b) => a * b, 1);
    assert.throws(() => net.loadStateDict(bad), `${key}: value ${at} of ${count} is ${value}`);
    assert.equal([info().memory.used, info().memory.blocks], [before.used, before.blocks]);
    assert.equal(
      net.stateDict().get("3.weight")!.dataSync(),
      drawn,
      "the values that were to be drawn are still to be drawn",
    );
    net.loadStateDict(bad, { allowNonFinite: true });
    assert.equal(net.stateDict().get(key)!.dataSync()[at], value); // `is` holds NaN for another NaN
    net.dispose();
  }
  untouched.dispose();
});

test("the largest and the smallest numbers are finite", async () => {
  await init({ backend: "wasm", threads: 1 });
  const layer = new nn.Linear(3, 2);
  const values = Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -0, 0, -1e-45);
  const from: StateTensor = { shape: [2, 3], read: () => values, readInto: (target) => target.set(values) };
  layer.loadStateDict({ weight: from }, { strict: false });
  assert.equal(layer.weight.dataSync(), values);
  layer.dispose();
});

test("a tensor that makes tensors while it is read, so that memory grows, is read all the same", async () => {
  await init({ backend: "wasm", threads: 1 });
  for (const write of [
    (to: Float32Array, values: Float32Array) => to.set(values),
    (to: Float32Array, values: Float32Array) => {
      for (let i = 0; i < values.length; i++) to[i] = values[i]!;
    },
  ]) {
    const net = network();
    const weights = state();
    const growing = (from: StateTensor): StateTensor => ({
      ...from,
      readInto(target) {
        const { reserved } = info().memory;
        zeros([reserved / 4]).dispose();
        write(target, from.read());
      },
    });
    const key = "0.weight";
    net.loadStateDict(new Map<string, StateTensor>([...weights, [key, growing(weights.get(key)!)]]));
    equal(net, "grown");
    net.dispose();
  }
});

test("a file that ends while it is read leaves nothing behind", async () => {
  await init({ backend: "wasm", threads: 1 });
  const net = network();
  const weights = state();
  const last: StateTensor = {
    shape: [2],
    read: () => new Float32Array(2),
    readInto() {
      throw new Error("the file ended");
    },
  };
  const before = info().memory;
  assert.throws(
    () => net.loadStateDict(new Map<string, StateTensor>([...weights, ["6.bias", last]])),
    /the file ended/,
  );
  assert.equal([info().memory.used, info().memory.blocks], [before.used, before.blocks]);
  net.loadStateDict(weights);
  equal(net, "after a failure");
  net.dispose();
});

test.run();
