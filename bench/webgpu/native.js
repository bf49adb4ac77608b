/**
 * `node bench/webgpu/native.js [--write]` (after `npm run build`): compiled networks in Node on Dawn (package `webgpu`), on whatever adapter Vulkan
 * offers, a graphics card where there is one. Milliseconds from `run` to the values read back (best of 12), and of ten runs that are
 * read once, as a server would; a step of training. `--write` makes bench/WEBGPU_NODE.md.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createWebGpuBackend } from "../../build/src/backend/webgpu/backend.js";
import * as lib from "../../build/src/index.js";
import { setMemory } from "../../build/src/tensor/memory.js";
import { dawn } from "../../build/test/support/dawn.js";

const gpu = await dawn();
if (typeof gpu === "string") {
  console.error(`no WebGPU in Node: ${gpu}`);
  process.exit(1);
}
const { info, features } = await gpu.requestAdapter();
setMemory(await createWebGpuBackend({ gpu }));
const lines = [];
const say = (line) => {
  console.log(line);
  lines.push(line);
};

async function network(name, n, precision) {
  lib.manualSeed(0);
  const shape = [n, 3, 224, 224];
  const started = performance.now();
  const fast = await lib.compile(lib.createModel(name).eval(), shape, precision === "f16" ? { precision } : {});
  const compiled = performance.now() - started;
  const x = lib.randn(shape);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 12; i++) {
    const start = performance.now();
    const y = await fast.run(x);
    await y.data();
    y.dispose();
    best = Math.min(best, performance.now() - start);
  }
  const start = performance.now();
  let y;
  for (let i = 0; i < 10; i++) {
    y?.dispose();
    y = await fast.run(x);
  }
  await y.data();
  const each = (performance.now() - start) / 10;
  const numbers = [compiled.toFixed(0), best.toFixed(2), each.toFixed(2), ((1000 * n) / each).toFixed(0)];
  say(`| ${name} | ${n} | ${precision} | ${numbers.join(" | ")} |`);
  for (const thing of [y, x, fast]) thing.dispose();
}

/** Milliseconds of a step of cifarResnet20: forward, backward, SGD; the loss is read at the end of ten. */
async function training(n) {
  lib.manualSeed(0);
  const net = lib.createModel("cifar_resnet20").train();
  const optimizer = new lib.SGD(net.namedParameters(), { momentum: 0.9, weightDecay: 1e-4 });
  const x = lib.randn([n, 3, 32, 32]);
  const labels = lib.tensor(
    Float32Array.from({ length: n }, (_, i) => i % 10),
    [n],
  );
  const step = () => {
    const loss = lib.tidy(() => lib.crossEntropy(net.forward(x), labels));
    lib.backward(loss);
    optimizer.step(0.01);
    optimizer.zeroGrad();
    return loss;
  };
  const rounds = async (count) => {
    let loss;
    for (let i = 0; i < count; i++) {
      loss?.dispose();
      loss = step();
    }
    await loss.data();
    loss.dispose();
  };
  await rounds(3);
  const start = performance.now();
  await rounds(10);
  const each = (performance.now() - start) / 10;
  say(
    `- A step of training, cifarResnet20, batch ${n}: ${each.toFixed(1)} ms, ${((1000 * n) / each).toFixed(0)} pictures/s.`,
  );
}

say(`# WebGPU in Node\n`);
say(
  `Made by \`node bench/webgpu/native.js --write\` on ${info.description || info.device} (${info.vendor} ${info.device}), Dawn in Node ${process.versions.node}${features.has("shader-f16") ? "" : "; the driver offers no `shader-f16`"}. ` +
    "224x224, f32 unless said; ms to compile (shaders included), from `run` to the values (best of 12), and each of ten runs of which the last is read.\n",
);
say("| network | batch | precision | compile | run and read | in a row | pictures/s |");
say("|---|---:|---|---:|---:|---:|---:|");
for (const name of ["resnet18", "resnet50", "resnet152"]) {
  for (const n of [1, 8, 32]) {
    await network(name, n, "f32");
    if (features.has("shader-f16")) await network(name, n, "f16");
  }
}
say("");
await training(128);
if (process.argv.includes("--write")) {
  writeFileSync(fileURLToPath(new URL("../WEBGPU_NODE.md", import.meta.url)), `${lines.join("\n")}\n`);
}
process.exit(0);
