import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createWasmBackend, type WasmBackend } from "../src/backend/wasm/backend.ts";
import { init } from "../src/init.ts";
import { cifarResnet20 } from "../src/models/cifar.ts";
import { resnet18 } from "../src/models/imagenet.ts";
import type { Module } from "../src/nn/module.ts";
import { setMemory } from "../src/tensor/memory.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { randn } from "../src/tensor/sample.ts";

const test = suite("threads");

/** The logits of a seeded network on a seeded batch. */
function logits(backend: WasmBackend, make: () => Module, shape: number[]): Float32Array {
  setMemory(backend);
  manualSeed(1);
  const net = make();
  net.eval();
  const x = randn(shape);
  const y = net.forward(x);
  const values = y.dataSync();
  y.dispose();
  x.dispose();
  net.dispose();
  return values;
}

const networks = [
  { name: "resnet18 at 64x48", make: () => resnet18({ numClasses: 10 }), shape: [2, 3, 64, 48] },
  { name: "cifarResnet20, batch 3", make: () => cifarResnet20(), shape: [3, 3, 32, 32] },
];

const one = await createWasmBackend({ threads: 1, relaxed: false });

for (const threads of [2, 3, 4]) {
  test(`${threads} threads give the bits of one`, async () => {
    const team = await createWasmBackend({ threads, relaxed: false });
    assert.is(team.info().threads, threads);
    for (const { name, make, shape } of networks) {
      const expected = logits(one, make, shape);
      for (let i = 0; i < 3; i++) assert.equal(logits(team, make, shape), expected, `${name}, run ${i}`);
    }
    const { used } = team.info().memory;
    logits(team, networks[1]!.make, networks[1]!.shape);
    assert.is(team.info().memory.used, used, "memory is back where it was");
    team.dispose();
  });
}

test("a worker script that is not there is one clear error", async () => {
  await createWasmBackend({ threads: 2, relaxed: false, worker: new URL("file:///nowhere/worker.js") }).then(
    () => assert.unreachable("should not start"),
    (error: Error) => {
      assert.match(error.message, /a worker thread did not start .*nowhere/);
      assert.match(error.message, /worker\.js/);
    },
  );
});

for (const threads of [0, -1, 1.5, 1000, Number.NaN]) {
  test(`threads: ${threads} is refused`, async () => {
    await init({ threads }).then(
      () => assert.unreachable("should be refused"),
      (error: Error) => assert.match(error.message, new RegExp(`threads must be a whole number .* got ${threads}`)),
    );
  });
}

test.run();
