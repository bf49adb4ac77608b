/**
 * `npm run bench:peers [-- --json] [--batch 1,8] [--clock wall|cpu] [--write FILE] [resnet18 …]`: the same weights, the same picture, one thread each, in turns;
 * then cold starts, and a line for everything that was promised. `--clock cpu` counts processor time, for machines that are busy. A
 * peer whose logits are not within 1e-4 of PyTorch's in 64 bits is not timed. With all networks and both batches (about a quarter of an hour)
 * it writes bench/RESULTS.md, or what `--write` names in bench/; with fewer, it prints. Needs `npm install --ignore-scripts` in bench/, and python3 with torch and
 * torchvision for the ONNX files and as a peer. Node 24 or newer has relaxed SIMD.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { measurePeak } from "../../build/src/cli/peak.js";
import * as lib from "../../build/src/index.js";
import { fillInput, fillTensor } from "../../build/test/support/fill.js";
import { goldenTensor, readGolden } from "../../build/test/support/golden.js";
import { checks } from "./checks.js";
import { checkpoint, coldStarts } from "./cold.js";
import { report } from "./report.js";
import { onnx, ours, pairs, tensorflow, torch } from "./runners.js";

const argv = process.argv.slice(2);
const json = argv.includes("--json");
const value = (flag, otherwise) => (argv.includes(flag) ? argv[argv.indexOf(flag) + 1] : otherwise);
const batches = value("--batch", "1,8").split(",").map(Number);
const clock = value("--clock", "wall");
const cpuTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const now = clock === "cpu" ? cpuTime : () => performance.now();
const rounds = Number(value("--rounds", "5"));
/** Milliseconds of a turn, at least, of batch 1. */
const turn = 500;
const all = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"];
const chosen = argv.filter((a) => /^resnet\d+$/.test(a));
const networks = chosen.length ? chosen : all;
const folder = fileURLToPath(new URL("../../build/peers", import.meta.url));
const say = (text) => process.stderr.write(`${text}\n`);

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const relativeError = (found, expected) => {
  let difference = 0;
  let largest = 0;
  expected.forEach((v, i) => {
    difference = Math.max(difference, Math.abs(v - found[i]));
    largest = Math.max(largest, Math.abs(v));
  });
  return difference / largest;
};

/** Milliseconds of `n` runs. */
async function times(runner, n) {
  if (runner.times) return runner.times(n);
  const out = [];
  for (let i = 0; i < n; i++) {
    const start = now();
    await runner.run();
    out.push(now() - start);
  }
  return out;
}

async function attempt(what, make) {
  try {
    return await make();
  } catch (error) {
    say(`${what} is not measured: ${error.message.split("\n")[0]}`);
    return undefined;
  }
}

function onnxFile(network) {
  const file = `${folder}/${network}.onnx`;
  mkdirSync(folder, { recursive: true });
  if (!existsSync(file)) {
    const script = fileURLToPath(new URL("export.py", import.meta.url));
    execFileSync("/usr/bin/python3", [script, folder, network], { stdio: "ignore" });
  }
  return file;
}

async function measure(network, batch) {
  const shape = [batch, 3, 224, 224];
  const file = onnxFile(network);
  const golden = goldenTensor(readGolden(`logits-${network}.safetensors`), "f64");
  const one = fillInput([2, 3, 224, 224]).subarray(0, 3 * 224 * 224);
  const input = new Float32Array(batch * one.length);
  for (let i = 0; i < batch; i++) input.set(one, i * one.length);
  const expected = golden.data.subarray(0, 1000);
  const common = { network, shape, input, file, folder, now, clock };
  await lib.init();
  const plain = lib[network]({ init: "empty" });
  const { macs } = lib.summary(plain, shape);
  const shapes = new Map([...plain.stateDict()].map(([key, t]) => [key, t.shape]));
  plain.dispose();
  const runners = [
    await ours(common),
    await attempt("relaxed", () => ours({ ...common, relaxed: true })),
    ...(batch === 1 ? [await ours({ ...common, memory: "low" })] : []),
    await attempt("onnxruntime-web", () => onnx({ ...common, kind: "onnxruntime-web" })),
    await attempt("tfjs-backend-wasm", () => tensorflow({ ...common, shapes })),
    await attempt("onnxruntime-node", () => onnx({ ...common, kind: "onnxruntime-node" })),
    await attempt("PyTorch", () => torch(common)),
    await attempt("strict, vectors in pairs", () => pairs(common, "strict")),
    await attempt("relaxed, vectors in pairs", () => pairs(common, "relaxed")),
  ].filter((runner) => runner !== undefined);
  const results = [];
  for (const runner of runners) {
    const error = relativeError((await runner.logits()).slice(0, 1000), expected);
    if (!(error <= 1e-4)) say(`${runner.name}: error ${error}: not timed`);
    else results.push({ runner, error, times: [] });
  }
  // The first logits were a warm-up; kernels that V8 still compiles in the background get another. A turn is three runs, and as many as fill half a
  // second: the first one finds the caches full of what others left, and three of 30 ms are too few to tell a slow moment of the machine.
  // Of a batch of 8 it is two runs, for the first reason.
  for (const r of results) {
    const warm = await times(r.runner, batch === 1 ? 3 : 1);
    r.runs = batch === 1 ? Math.max(3, Math.ceil(turn / Math.min(...warm))) : 2;
  }
  for (let round = 0; round < rounds; round++) {
    for (const r of results) r.times.push(...(await times(r.runner, r.runs)));
  }
  // Whether a batch pays is asked of ours in strict mode, with its pictures one after the other beside it.
  const strict = results.find(({ runner }) => runner.name === "resnet-ts strict");
  if (batch > 1 && strict) strict.beside = await strict.runner.batchAndSingles(2 * rounds);
  const rows = results.map(({ runner, error, times: list, beside }) => {
    const best = Math.min(...list);
    const { name, version, compileTime, memory, linearMemory } = runner;
    const gflops = (2 * macs) / best / 1e6;
    return {
      network,
      batch,
      name,
      version,
      error,
      median: median(list),
      best,
      gflops,
      compileTime,
      memory,
      linearMemory,
      beside,
    };
  });
  for (const { runner } of results) await runner.dispose();
  return rows;
}

const peak = await measurePeak();
const rows = [];
for (const network of networks) {
  for (const batch of batches) {
    const found = await measure(network, batch);
    for (const r of found) {
      const numbers = `${r.best.toFixed(1)} ms, ${r.gflops.toFixed(1)} GFLOP/s, error ${r.error.toExponential(1)}`;
      say(`${network} batch ${batch} ${r.name}: ${numbers}`);
    }
    rows.push(...found);
  }
}
const safetensors = `${folder}/resnet18.safetensors`;
await lib.init();
await checkpoint(lib, fillTensor, safetensors);
const cold = await coldStarts({ safetensors, onnx: onnxFile("resnet18") }, 3, say);
const lines = checks(rows, cold);
const text = report({ rows, cold, lines, networks, batches, clock, peak });
if (networks.length === all.length && batches.length === 2) {
  writeFileSync(fileURLToPath(new URL(`../${value("--write", "RESULTS.md")}`, import.meta.url)), text);
}
if (json) console.log(JSON.stringify({ clock, peak, node: process.versions.node, rows, cold, checks: lines }));
else console.log(text);
process.exit(0);
