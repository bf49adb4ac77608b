/**
 * `npm run bench:threads [-- resnet50 resnet18 --rounds 20 --write]`: compiled networks on one thread and on two, and
 * onnxruntime-web on two, in turns, batch 1, by the clock. The best run counts: two threads need two cores that nobody else uses,
 * and the longer it runs, the surer there was such a moment. Processor time of all threads beside it: what the second thread costs
 * in waiting (it spins) and in cold caches; it says on a busy machine what the clock would say on an idle one. `--write` makes
 * bench/THREADS.md. onnxruntime-web needs `npm install --ignore-scripts` in bench/, and python3 with torch for its file.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { createWasmBackend } from "../build/src/backend/wasm/backend.js";
import * as lib from "../build/src/index.js";
import { setMemory } from "../build/src/tensor/memory.js";
import { fillInput, fillTensor } from "../build/test/support/fill.js";

const argv = process.argv.slice(2);
const rounds = argv.includes("--rounds") ? Number(argv[argv.indexOf("--rounds") + 1]) : 20;
const networks = argv.filter((argument) => /^resnet\d+$/.test(argument));
const folder = fileURLToPath(new URL("../build/peers", import.meta.url));
const shape = [1, 3, 224, 224];
const input = fillInput([2, 3, 224, 224]).slice(0, 3 * 224 * 224);

async function ours(network, threads) {
  const backend = await createWasmBackend({ threads, relaxed: false });
  setMemory(backend);
  const net = lib[network]({ init: "empty" });
  for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape));
  const compiled = await lib.compile(net, shape);
  const x = lib.tensor(input, shape);
  return {
    name: `resnet-ts, ${threads} thread${threads > 1 ? "s" : ""}`,
    run() {
      setMemory(backend);
      compiled.runSync(x).dispose();
    },
    async logits() {
      setMemory(backend);
      return compiled.runSync(x).dataSync();
    },
    dispose: () => backend.dispose(),
  };
}

async function onnx(network, threads) {
  const file = `${folder}/${network}.onnx`;
  mkdirSync(folder, { recursive: true });
  if (!existsSync(file)) {
    const script = fileURLToPath(new URL("peers/export.py", import.meta.url));
    execFileSync("/usr/bin/python3", [script, folder, network], { stdio: "ignore" });
  }
  const ort = await import("onnxruntime-web");
  ort.env.wasm.numThreads = threads;
  const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
  const x = new ort.Tensor("float32", input, shape);
  return {
    name: `onnxruntime-web, ${threads} threads`,
    run: async () => void (await session.run({ x })),
    logits: async () => (await session.run({ x })).y.data,
    dispose: () => session.release(),
  };
}

function processor() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The second thread falls asleep in the other runners' turns, and its core with it: the first runs of a turn wake them. */
const runsPerTurn = 8;

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

async function measure(network) {
  const runners = [await ours(network, 1), await ours(network, 2)];
  await onnx(network, 2).then(
    (runner) => runners.push(runner),
    (error) => console.error(`onnxruntime-web is not measured: ${error.message.split("\n")[0]}`),
  );
  for (const runner of runners) {
    runner.first = await runner.logits();
    runner.wall = [];
    runner.cpu = [];
    for (let i = 0; i < 3; i++) await runner.run(); // until V8 has compiled everything twice
  }
  const largest = runners[0].first.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  for (const runner of runners) {
    const difference = runner.first.reduce((a, b, i) => Math.max(a, Math.abs(b - runners[0].first[i])), 0);
    if (!(difference <= 1e-4 * largest))
      throw new Error(`${runner.name} computes something else: ${difference / largest}`);
  }
  if (!runners[1].first.every((v, i) => v === runners[0].first[i]))
    throw new Error("two threads give other bits than one");
  for (let round = 0; round < rounds; round++) {
    for (const runner of runners) {
      for (let i = 0; i < runsPerTurn; i++) {
        const [wall, cpu] = [performance.now(), processor()];
        await runner.run();
        runner.wall.push(performance.now() - wall);
        runner.cpu.push(processor() - cpu);
      }
    }
  }
  for (const runner of runners) runner.dispose();
  return runners.map(({ name, wall, cpu }) => ({
    network,
    name,
    best: Math.min(...wall),
    median: median(wall),
    cpu: Math.min(...cpu),
  }));
}

await lib.init();
const sections = [];
for (const network of networks.length > 0 ? networks : ["resnet50", "resnet18"]) {
  const rows = await measure(network);
  const [one, two, other] = rows;
  const ms = (value) => `${value.toFixed(1)} ms`;
  const table = rows
    .map((r) => `| ${r.network} | ${r.name} | ${ms(r.best)} (${ms(r.median)}) | ${ms(r.cpu)} |`)
    .join("\n");
  const lines = [
    `- ${network}: two threads take ${(one.best / two.best).toFixed(2)}x less time than one (wanted: 1.8x), and ` +
      `${(two.cpu / one.cpu).toFixed(2)}x its processor time (${((2 * one.cpu) / two.cpu).toFixed(2)}x, if both had a core of their own)`,
    ...(other
      ? [
          `- ${network}: onnxruntime-web on two threads takes ${(other.best / two.best).toFixed(2)}x our time (wanted: 2.2x)`,
        ]
      : []),
  ];
  sections.push({ table, lines: lines.join("\n") });
  console.log(`${table}\n${lines.join("\n")}`);
}
if (argv.includes("--write")) {
  const text = `# Threads

Made by \`npm run bench:threads -- --write\` on ${cpus()[0].model} (${cpus().length} cores), Node ${process.versions.node}, V8 ${process.versions.v8}: batch 1,
strict, in turns; best run (median) by the clock, and the least processor time of all threads together.

| network | engine | time | processor time |
|---|---|---|---|
${sections.map(({ table }) => table).join("\n")}

${sections.map(({ lines }) => lines).join("\n")}
`;
  writeFileSync(new URL("THREADS.md", import.meta.url), text);
}
process.exit(0); // onnxruntime-web's threads stay
