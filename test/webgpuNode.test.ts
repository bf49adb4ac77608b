import { test } from "uvu";
import * as assert from "uvu/assert";
import { createJsBackend } from "../src/backend/js/backend.ts";
import { createWasmBackend } from "../src/backend/wasm/backend.ts";
import { createWebGpuBackend } from "../src/backend/webgpu/backend.ts";
import { opNames } from "./cases/index.ts";
import { dawn } from "./support/dawn.ts";
import {
  checkLeaks,
  checkNetwork,
  checkOp,
  checkTraining,
  checkTrainingOps,
  type Verdict,
} from "./support/gpuSuite.ts";

/** WebGPU in Node, by Dawn: the tables of all ops on both convolution kernels, networks, training, memory. */
const gpu = await dawn();

async function expectRight(what: string, check: Promise<Verdict>): Promise<void> {
  const { complaints, seen } = await check;
  console.log(`  ${what}: ${seen}`);
  const shown = complaints.slice(0, 10).join("\n");
  assert.is(complaints.length, 0, `${complaints.length} complaints, the first ones:\n${shown}`);
}

if (typeof gpu === "string") {
  console.log(`WebGPU in Node is left out: ${gpu}`);
} else {
  const js = createJsBackend();
  const wasm = await createWasmBackend({ threads: 1, relaxed: false });
  const backend = await createWebGpuBackend({ gpu });
  for (const op of opNames) test(op, () => expectRight(op, checkOp(backend, op)));
  test("gradients, losses and optimisers", () => expectRight("training ops", checkTrainingOps(backend, js)));
  for (const [name, size] of [
    ["resnet18", 64],
    ["resnet50", 33],
    ["keras_resnet50v2", 33],
    ["resnext50_32x4d", 33],
  ] as const) {
    test(name, () => expectRight(name, checkNetwork(backend, wasm, name, size)));
  }
  test("training", () => expectRight("cifar_resnet20", checkTraining(backend, wasm, "cifar_resnet20", 4)));
  test("memory", () => expectRight("memory", checkLeaks(backend, 500, 100)));
  test("nothing is left on the device", () => {
    const { used, blocks } = backend.info().memory;
    assert.equal({ used, blocks }, { used: 0, blocks: 0 });
    backend.dispose();
  });

  const shared = await createWebGpuBackend({ gpu, tile: "shared" });
  // A software adapter never chooses this kernel, and takes 16 s for all rows.
  const few = shared.info().reasons[0]!.includes("(software)") ? 5 : 1;
  for (const op of ["conv2d", "linear"] as const) {
    test(`${op} in workgroup memory`, () => expectRight(`${op}, workgroup memory`, checkOp(shared, op, few)));
  }
  test("gradients in workgroup memory", () => expectRight("training ops", checkTrainingOps(shared, js)));
  test.after(() => shared.dispose());
}

test.run();
