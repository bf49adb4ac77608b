import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";
import type { Worker } from "node:worker_threads";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { currentBackend } from "../src/backend/current.ts";
import { createWasmBackend, type WasmBackend } from "../src/backend/wasm/backend.ts";
import type { ResNetError } from "../src/errors.ts";
import { compile } from "../src/graph/compile.ts";
import { init } from "../src/init.ts";
import { cifarResnet20, cifarResnet56 } from "../src/models/cifar.ts";
import { resnet18 } from "../src/models/imagenet.ts";
import type { Module } from "../src/nn/module.ts";
import { conv2d } from "../src/ops/conv2d.ts";
import { setMemory } from "../src/tensor/memory.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { randn } from "../src/tensor/sample.ts";
import { tidy } from "../src/tensor/scope.ts";
import { ones } from "../src/tensor/tensor.ts";
import { fails } from "./support/fails.ts";
import { repoRoot } from "./support/shared.ts";

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

test("another script that answers something is not taken for a thread", async () => {
  const worker = pathToFileURL(join(repoRoot, "build/src/worker/node/classifierWorker.js"));
  await fails(() => createWasmBackend({ threads: 2, relaxed: false, worker }), /^wasm: a worker thread did not start/);
});

test("a worker that cannot even be asked for is the same error", async () => {
  const worker = new URL("https://example.com/worker.js"); // Node's Worker throws at once, as a page's does for another origin
  await createWasmBackend({ threads: 3, relaxed: false, worker }).then(
    () => assert.unreachable("should not start"),
    (error: ResNetError) => {
      assert.is(error.code, "ERR_WORKER");
      assert.match(error.message, /a worker thread did not start \(.*; use threads: 1/);
    },
  );
});

test("workers of a backend that nobody holds any more end; a compiled network holds its own", async () => {
  const alive = new Set<Worker>();
  let started = 0;
  const count = (worker: Worker) => {
    started++;
    alive.add(worker);
    worker.once("exit", () => alive.delete(worker));
  };
  process.on("worker", count);
  try {
    const make = async (threads: number) => {
      await init({ threads });
      return compile(cifarResnet20(), [1, 3, 32, 32]);
    };
    const kept = await make(2);
    const x = randn([1, 3, 32, 32]);
    const held = currentBackend();
    for (const threads of [3, 4, 3]) (await make(threads)).dispose();
    await init({ threads: 1 });
    assert.is(started, 1 + 2 + 3 + 2);
    for (let i = 0; i < 50 && alive.size > 1; i++) {
      globalThis.gc!();
      await new Promise((later) => setTimeout(later, 20));
    }
    assert.is(alive.size, 1);
    setMemory(held);
    assert.equal((await kept.run(x)).shape, [1, 10]);
    kept.dispose();
  } finally {
    process.off("worker", count);
  }
});

const broken = /^wasm: a worker thread stopped in a run; init starts others$/;

test("a thread that ends in the middle of a tile breaks the run off, which waited for ever", async () => {
  const worker = pathToFileURL(join(repoRoot, "build/test/support/mortalThread.js"));
  await init({ threads: 2, worker });
  const run = () => tidy(() => void conv2d(ones([1, 64, 56, 56]), ones([64, 64, 3, 3])));
  await fails(() => {
    for (;;) run(); // until the thread has taken its tile
  }, broken);
  await fails(run, broken); // at once: whoever still computes may write anywhere
  assert.is(currentBackend().lost, true);
});

test("a run that was cut off from outside gives the threads up; the same init starts others, and values move there", async () => {
  await init({ threads: 2 });
  manualSeed(3);
  const shape = [32, 3, 32, 32];
  const net = cifarResnet56().eval();
  const x = randn(shape);
  const cut = await compile(net, shape, { keepModel: true });
  const expected = cut.runSync(x).dataSync();
  Object.assign(globalThis, { repeat: () => cut.runSync(x).dispose() });
  // As Ctrl-C in a REPL does: no `catch` sees it.
  assert.throws(() => new Script("for (;;) repeat()").runInThisContext({ timeout: 100 }), /timed out/);
  assert.throws(() => cut.runSync(x), broken);
  await init({ threads: 2 });
  await net.to();
  await x.storage.move();
  const again = await compile(net, shape);
  assert.equal(again.runSync(x).dataSync(), expected);
  again.dispose();
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
