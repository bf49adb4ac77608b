/**
 * `npm run bench:peers [-- --json] [--batch 1,8] [--clock cpu] [resnet18 …]`: the same weights, the same picture, one thread each, in turns.
 * `--clock cpu` counts processor time, for machines that are busy. A peer whose logits are not within 1e-4 of PyTorch's in 64 bits is not timed. Writes bench/RESULTS.md.
 * Needs `npm install --ignore-scripts` in bench/, and python3 with torch and torchvision for the ONNX files and as a peer.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import * as lib from "../../build/src/index.js";
import { fillInput } from "../../build/test/support/fill.js";
import { goldenTensor, readGolden } from "../../build/test/support/golden.js";
import { onnx, ours, torch } from "./runners.js";

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
const chosen = argv.filter((a) => /^resnet\d+$/.test(a));
const networks = chosen.length ? chosen : ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"];
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

async function measure(network, batch) {
  const shape = [batch, 3, 224, 224];
  const file = `${folder}/${network}.onnx`;
  mkdirSync(folder, { recursive: true });
  if (!existsSync(file)) {
    execFileSync("/usr/bin/python3", [fileURLToPath(new URL("export.py", import.meta.url)), folder, network], {
      stdio: "ignore",
    });
  }
  const golden = goldenTensor(readGolden(`logits-${network}.safetensors`), "f64");
  const one = fillInput([2, 3, 224, 224]).subarray(0, 3 * 224 * 224);
  const input = new Float32Array(batch * one.length);
  for (let i = 0; i < batch; i++) input.set(one, i * one.length);
  const expected = golden.data.subarray(0, 1000);
  const common = { network, shape, input, file, folder, now, clock };
  const runners = [
    await ours(common),
    await attempt("relaxed", () => ours({ ...common, relaxed: true })),
    ...(batch === 1 ? [await ours({ ...common, memory: "low" })] : []),
    await attempt("onnxruntime-web", () => onnx({ ...common, kind: "onnxruntime-web" })),
    await attempt("onnxruntime-node", () => onnx({ ...common, kind: "onnxruntime-node" })),
    await attempt("PyTorch", () => torch(common)),
  ].filter((runner) => runner !== undefined);
  await lib.init();
  const { macs } = lib.summary(lib[network]({ init: "empty" }), shape);
  const results = [];
  for (const runner of runners) {
    const error = relativeError((await runner.logits()).slice(0, 1000), expected);
    if (!(error <= 1e-4)) say(`${runner.name}: error ${error}: not timed`);
    else results.push({ runner, error, times: [] });
  }
  for (const { runner } of results) await times(runner, 2);
  for (let round = 0; round < rounds; round++) {
    for (const r of results) r.times.push(...(await times(r.runner, Math.max(1, Math.round(5 / batch)))));
  }
  const rows = results.map(({ runner, error, times: all }) => {
    const best = Math.min(...all);
    const { name, version, compileTime, memory, linearMemory } = runner;
    return {
      network,
      batch,
      name,
      version,
      error,
      median: median(all),
      best,
      gflops: (2 * macs) / best / 1e6,
      compileTime,
      memory,
      linearMemory,
    };
  });
  for (const { runner } of results) await runner.dispose();
  return rows;
}

const all = [];
for (const network of networks) {
  for (const batch of batches) {
    const rows = await measure(network, batch);
    for (const r of rows)
      say(
        `${network} batch ${batch} ${r.name}: ${r.best.toFixed(1)} ms, ${r.gflops.toFixed(1)} GFLOP/s, error ${r.error.toExponential(1)}`,
      );
    all.push(...rows);
  }
}

function table(batch) {
  const names = [...new Set(all.filter((r) => r.batch === batch).map((r) => r.name))];
  const lines = [`| batch ${batch} | ${names.join(" | ")} |`, `|---|${names.map(() => "---").join("|")}|`];
  for (const network of networks) {
    const row = (name) => all.find((r) => r.network === network && r.batch === batch && r.name === name);
    const mine = row(names[0]);
    const cells = names.map((name) => {
      const r = row(name);
      return r
        ? `${r.best.toFixed(1)} ms (${r.median.toFixed(1)}), ${(r.best / mine.best).toFixed(2)}x, ${r.gflops.toFixed(0)} GFLOP/s, error ${r.error.toExponential(1)}`
        : "–";
    });
    lines.push(`| ${network} | ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const sizes = all
  .filter((r) => r.memory && r.batch === 1)
  .map(
    (r) =>
      `| ${r.network} | ${r.name} | ${r.compileTime.toFixed(0)} ms | ${mb(r.memory.packed)} | ${mb(r.memory.arena)} | ${mb(r.linearMemory)} |`,
  );
const versions = [...new Map(all.map((r) => [r.name, `${r.name} ${r.version}`])).values()];
const text = `# Compiled networks and their peers

Made by \`npm run bench:peers\` on ${cpus()[0].model} (${cpus().length} cores), Node ${process.versions.node}, V8 ${process.versions.v8}.
${versions.join(", ")}. One thread each, in turns, ${clock} time; best run, (median), time relative to the first column, 2 x direct
multiply-accumulates per second, and max|difference| / max|logit| against PyTorch in 64 bits.

${batches.map(table).join("\n\n")}

| | | compile | packed weights | arena | linear memory |
|---|---|---|---|---|---|
${sizes.join("\n")}
`;
writeFileSync(fileURLToPath(new URL("../RESULTS.md", import.meta.url)), text);
if (json) console.log(JSON.stringify(all));
else console.log(text);
process.exit(0);
