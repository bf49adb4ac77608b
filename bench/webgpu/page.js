/** One network on WebGPU, by this library and by onnxruntime-web's provider, on the adapter that this browser has. */
import { createWebGpuBackend } from "/build/src/backend/webgpu/backend.js";
import * as lib from "/build/src/index.js";
import { setMemory } from "/build/src/tensor/memory.js";
import { fillInput, fillTensor } from "/build/test/support/fill.js";

/** From the first pipeline that is asked for until the last one is there, and how many. */
function watchPipelines() {
  const create = GPUDevice.prototype.createComputePipelineAsync;
  const seen = { count: 0, from: Number.POSITIVE_INFINITY, to: 0 };
  GPUDevice.prototype.createComputePipelineAsync = async function (descriptor) {
    seen.count++;
    seen.from = Math.min(seen.from, performance.now());
    const pipeline = await create.call(this, descriptor);
    seen.to = Math.max(seen.to, performance.now());
    return pipeline;
  };
  return () => {
    GPUDevice.prototype.createComputePipelineAsync = create;
    return { count: seen.count, ms: seen.count === 0 ? 0 : seen.to - seen.from };
  };
}

export async function ours(network, size) {
  const about = await lib.init({ backend: "webgpu" });
  const net = lib[network]({ init: "empty" });
  for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape));
  const shape = [1, 3, size, size];
  const x = lib.tensor(fillInput(shape), shape);
  const pipelines = watchPipelines();
  const compiling = performance.now();
  const fast = await lib.compile(net, shape);
  const compile = performance.now() - compiling;
  const run = async () => {
    const y = await fast.run(x);
    const values = await y.data();
    y.dispose();
    return values;
  };
  return { adapter: about.binary, compile, pipelines: pipelines(), run };
}

/** How long all pipelines of a network take, on a device that has made none: without init, whose self-test makes most of them. */
export async function pipelinesOf(network, size) {
  setMemory(await createWebGpuBackend({ gpu: navigator.gpu }));
  const pipelines = watchPipelines();
  await lib.compile(lib[network]({ init: "empty" }), [1, 3, size, size]);
  return pipelines();
}

export async function theirs(file, size) {
  const ort = await import("/bench/node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs");
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const model = new Uint8Array(await (await fetch(file)).arrayBuffer());
  const opening = performance.now();
  const session = await ort.InferenceSession.create(model, { executionProviders: ["webgpu"] });
  const compile = performance.now() - opening;
  const shape = [1, 3, size, size];
  const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", fillInput(shape), shape) };
  const run = async () => (await session.run(feeds))[session.outputNames[0]].data;
  return { version: ort.env.versions.web, compile, run };
}

/** Times both in turns. The first run of each is apart: it waits for shaders. */
export async function compare({ network, file, size, rounds }) {
  const a = await ours(network, size);
  const b = await theirs(file, size);
  const clock = async (f) => {
    const started = performance.now();
    const values = await f();
    return [performance.now() - started, values];
  };
  const [firstOurs, p] = await clock(a.run);
  const [firstTheirs, q] = await clock(b.run);
  const scale = q.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  const difference = q.reduce((max, v, i) => Math.max(max, Math.abs(v - p[i])), 0) / scale;
  const times = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round++) {
    times.ours.push((await clock(a.run))[0]);
    times.theirs.push((await clock(b.run))[0]);
  }
  return {
    adapter: a.adapter,
    version: b.version,
    difference,
    ours: { compile: a.compile, pipelines: a.pipelines, first: firstOurs, runs: times.ours },
    theirs: { compile: b.compile, first: firstTheirs, runs: times.theirs },
  };
}
