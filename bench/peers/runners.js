// Each runner: { name, version, logits(): Promise<Float32Array>, run(): Promise<void> | void, dispose() }, or times(n) where the
// work happens in another process.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { createWasmBackend } from "../../build/src/backend/wasm/backend.js";
import * as lib from "../../build/src/index.js";
import { setMemory } from "../../build/src/tensor/memory.js";
import { fillTensor } from "../../build/test/support/fill.js";
import { tfjs } from "./tfjs.js";

const require = createRequire(import.meta.url);
const version = (name) =>
  JSON.parse(require("node:fs").readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))).version;

/** This library, with a backend of its own. */
export async function ours({ network, shape, input, now, relaxed = false, memory = "default" }) {
  const backend = await createWasmBackend({ threads: 1, relaxed });
  if (relaxed && backend.info().binary !== "relaxed") return undefined;
  setMemory(backend);
  const net = lib[network]({ init: "empty" });
  for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape));
  const started = now();
  const compiled = await lib.compile(net, shape, { memory });
  const compileTime = now() - started;
  const x = lib.tensor(input, shape);
  const name = `resnet-ts ${relaxed ? "relaxed" : "strict"}${memory === "low" ? ", memory: low" : ""}`;
  return {
    name,
    version: JSON.parse(require("node:fs").readFileSync(new URL("../../package.json", import.meta.url))).version,
    compileTime,
    memory: compiled.memory,
    linearMemory: backend.info().memory.reserved,
    async logits() {
      setMemory(backend);
      const y = compiled.runSync(x);
      const values = y.dataSync();
      y.dispose();
      return values;
    },
    run() {
      setMemory(backend);
      compiled.runSync(x).dispose();
    },
    /**
     * Milliseconds of the batch, and of its pictures one after the other, best of `rounds` in turns: stretches of the same length, so that both meet as many slow moments of the
     * machine. (The best of many short runs is found between them, the best of a few long ones is not.)
     */
    async batchAndSingles(rounds) {
      setMemory(backend);
      const single = await compiled.forShape([1, ...shape.slice(1)]);
      const picture = lib.tensor(input.slice(0, input.length / shape[0]), single.inputShape);
      const singles = () => {
        for (let i = 0; i < shape[0]; i++) single.runSync(picture).dispose();
      };
      const found = { batch: Number.POSITIVE_INFINITY, singles: Number.POSITIVE_INFINITY };
      singles();
      for (let round = 0; round < rounds; round++) {
        for (const [kind, run] of [
          ["singles", singles],
          ["batch", this.run],
        ]) {
          const start = now();
          run();
          found[kind] = Math.min(found[kind], now() - start);
        }
      }
      single.dispose();
      picture.dispose();
      return found;
    },
    dispose() {
      setMemory(backend);
      compiled.dispose();
      x.dispose();
      backend.dispose();
    },
  };
}

/** onnxruntime-web or onnxruntime-node on one thread. */
export async function onnx({ file, shape, input, kind }) {
  const ort = await import(kind);
  const web = kind === "onnxruntime-web";
  if (web) ort.env.wasm.numThreads = 1;
  const options = web
    ? { executionProviders: ["wasm"] }
    : { executionProviders: ["cpu"], intraOpNumThreads: 1, interOpNumThreads: 1 };
  const session = await ort.InferenceSession.create(file, options);
  const x = new ort.Tensor("float32", input, shape);
  return {
    name: kind,
    version: version(kind),
    logits: async () => (await session.run({ x })).y.data,
    run: async () => void (await session.run({ x })),
    dispose: () => session.release(),
  };
}

/** tfjs-backend-wasm on one thread: in Node it has no others. */
export const tensorflow = (common) => tfjs({ ...common, version });

/**
 * A peer that needs a process of its own. A line of JSON each way: `{"input": path}` is answered by `{"logits", "version"}`, `{"runs", "clock"}` by `{"times"}` in milliseconds.
 */
async function inProcess({ input, folder, clock }, { name, command, args, env = {}, lacks }) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, ...env } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (question) => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(lacks);
    return JSON.parse(value);
  };
  const path = `${folder}/input.f32`;
  writeFileSync(path, Buffer.from(input.buffer, input.byteOffset, input.byteLength));
  const first = await ask({ input: path });
  return {
    name,
    version: first.version,
    logits: async () => Float32Array.from(first.logits),
    times: async (runs) => (await ask({ runs, clock })).times,
    dispose: () => child.kill(),
  };
}

const beside = (file) => new URL(file, import.meta.url).pathname;

/** PyTorch, compiled by `torch.jit.optimize_for_inference`, on one thread. */
export const torch = (common) =>
  inProcess(common, {
    name: "PyTorch optimised",
    command: "/usr/bin/python3",
    args: [beside("torch_peer.py"), common.network, String(common.shape[0])],
    env: { OMP_NUM_THREADS: "1" },
    lacks: "python3 with torch and torchvision is not there",
  });

/** This library with V8's pairs of vectors (pairs.js). */
export const pairs = (common, binary) =>
  inProcess(common, {
    name: `resnet-ts ${binary}, vectors in pairs`,
    command: process.execPath,
    args: ["--experimental-wasm-revectorize", beside("pairs.js"), common.network, String(common.shape[0]), binary],
    lacks: `this engine has no --experimental-wasm-revectorize${binary === "relaxed" ? " or no relaxed SIMD" : ""}`,
  });
