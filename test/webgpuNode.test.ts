import { test } from "uvu";
import * as assert from "uvu/assert";
import { createJsBackend } from "../src/backend/js/backend.ts";
import { createWasmBackend } from "../src/backend/wasm/backend.ts";
import { createWebGpuBackend } from "../src/backend/webgpu/backend.ts";
import { heads, kernels, type Numbers } from "../src/backend/webgpu/kernels/index.ts";
import { opNames } from "./cases/index.ts";
import { dawn, dawnThatOnlyCompiles } from "./support/dawn.ts";
import {
  checkHalf,
  checkLeaks,
  checkNetwork,
  checkOp,
  checkSharedWeights,
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

async function expectRefusal(check: Promise<Verdict>): Promise<void> {
  assert.match((await check).seen, /^refused: .*the wasm backend computes in f32; f16 is for WebGPU/);
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
  test("one weight before several batch norms", () => expectRight("shared weights", checkSharedWeights(backend, wasm)));
  test("f16 where the adapter has it, else a refusal that leaves the model as it is", () =>
    expectRight("f16", checkHalf(backend, wasm, { name: "resnet18", size: 32, precision: "f16", most: 2e-3 })));
  test("wasm refuses f16", () =>
    expectRefusal(checkHalf(wasm, wasm, { name: "resnet18", size: 32, precision: "f16", most: 0 })));

  const compiler = await dawnThatOnlyCompiles();
  const device = await (await compiler.requestAdapter())!.requestDevice({ requiredFeatures: ["shader-f16"] });
  const compiles = async (code: string): Promise<string | undefined> => {
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code });
    device.createComputePipeline({ layout: "auto", compute: { module } });
    return (await device.popErrorScope())?.message;
  };
  test("every kernel compiles in every kind of numbers that it knows", async () => {
    assert.match((await compiles(`${heads.f16}${kernels.narrow.code.replace("stored(x", "x(x")}`)) ?? "", /x/);
    for (const numbers of Object.keys(heads) as Numbers[]) {
      for (const { name, code, buffers } of Object.values(kernels)) {
        if (numbers !== "f32" && !buffers.includes(true)) continue;
        assert.is(await compiles(heads[numbers] + code), undefined, `${name} in ${numbers}`);
      }
    }
  });

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
  const winograd = await createWebGpuBackend({ gpu, winograd: "always" });
  test("conv2d by Winograd wherever it can be", () => expectRight("conv2d, Winograd", checkOp(winograd, "conv2d", 3)));
  test("gradients by Winograd", () => expectRight("training ops, Winograd", checkTrainingOps(winograd, js)));
  test("resnet18 by Winograd", () => expectRight("resnet18, Winograd", checkNetwork(winograd, wasm, "resnet18", 64)));
  test("training by Winograd", () =>
    expectRight("cifar_resnet20, Winograd", checkTraining(winograd, wasm, "cifar_resnet20", 4)));
  test.after(() => winograd.dispose());

  const timed = await createWebGpuBackend({ gpu, winograd: "timed" });
  test("a compiled network times each shape once", async () => {
    const before = performance.now();
    await expectRight("resnet18, timed", checkNetwork(timed, wasm, "resnet18", 32));
    const first = performance.now() - before;
    await expectRight("resnet18, known", checkNetwork(timed, wasm, "resnet18", 32));
    console.log(`  ${first.toFixed(0)} ms, then ${(performance.now() - before - first).toFixed(0)} ms`);
    timed.dispose();
  });

  test("gradients in workgroup memory", () => expectRight("training ops", checkTrainingOps(shared, js)));
  test.after(() => shared.dispose());
}

test.run();
