/**
 * `node bench/lab/profile.js NETWORK [--batch 1] [--relaxed] [--memory low] [--assembly FILE]`: the commands of a compiled network, each timed by
 * itself (processor time, best of 20), with GFLOP/s of the multiplications that are really done (Winograd's: as if all tiles were whole and of stride 1). With `--assembly`, and Node started with
 * --perf-basic-prof, the machine code that V8 made of the kernels is written to FILE (needs objdump; Linux).
 */
import { execFileSync } from "node:child_process";
import { openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createWasmBackend } from "../../build/src/backend/wasm/backend.js";
import { records } from "../../build/src/backend/wasm/records.js";
import * as lib from "../../build/src/index.js";
import { setMemory } from "../../build/src/tensor/memory.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: "string", default: "1" },
    relaxed: { type: "boolean", default: false },
    memory: { type: "string", default: "default" },
    assembly: { type: "string" },
    rounds: { type: "string", default: "20" },
  },
});
const network = positionals[0] ?? "resnet18";
const batch = Number(values.batch);
const rounds = Number(values.rounds);
const clock = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
await lib.init();
const backend = await createWasmBackend({ threads: 1, relaxed: values.relaxed });
const { run } = backend.exports;
let program;
Object.defineProperty(backend, "exports", {
  value: {
    ...backend.exports,
    run(block, count) {
      program = { block, count };
      run(block, count);
    },
  },
});
setMemory(backend);
lib.manualSeed(0);
const net = lib.createModel(network).eval();
const shape = [batch, 3, 224, 224];
const started = clock();
const fast = await lib.compile(net, shape, { memory: values.memory });
console.log(`compile ${(clock() - started).toFixed(0)} ms`, fast.memory);
fast.runSync(lib.randn(shape)).dispose();
const { block, count } = program;
const names = Object.keys(records);
const { i32 } = backend.allocator;
const best = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
let whole = Number.POSITIVE_INFINITY;
for (let round = 0; round < rounds; round++) {
  let start = clock();
  run(block, count);
  whole = Math.min(whole, clock() - start);
  for (let i = 0; i < count; i++) {
    start = clock();
    run(block + 12 * i, 1);
    best[i] = Math.min(best[i], clock() - start);
  }
}
const kinds = new Map();
for (let i = 0; i < count; i++) {
  const [kernel, record, tiles] = i32.subarray((block >> 2) + 3 * i);
  const name = names[kernel];
  const r = Object.fromEntries(records[name].map((field, j) => [field, i32[(record >> 2) + j]]));
  const { work, what } = describe(name, r);
  const gflops = work > 0 ? `${((2 * work) / best[i] / 1e6).toFixed(1)} GFLOP/s` : "";
  console.log(
    [
      String(i).padStart(3),
      name.padEnd(13),
      best[i].toFixed(3).padStart(8),
      "ms",
      gflops.padStart(13),
      what,
      `${tiles} tiles`,
    ].join(" "),
  );
  const kind = kinds.get(name) ?? { ms: 0, work: 0, count: 0 };
  kinds.set(name, { ms: kind.ms + best[i], work: kind.work + work, count: kind.count + 1 });
}
for (const [name, { ms, work, count: times }] of kinds) {
  console.log(
    `${name}: ${ms.toFixed(2)} ms in ${times}${work > 0 ? `, ${((2 * work) / ms / 1e6).toFixed(1)} GFLOP/s` : ""}`,
  );
}
console.log(`sum ${best.reduce((a, b) => a + b).toFixed(2)} ms, as one call ${whole.toFixed(2)} ms`);

function describe(name, r) {
  if (name === "gemm" || name === "packedGemm") {
    const k = r.runLength * r.runsH * r.runsW;
    return { work: r.m * r.columns * k, what: `${r.m} x ${r.columns} x ${k} in ${r.runsH * r.runsW} runs` };
  }
  if (name === "strassen") {
    return {
      work: r.pairs * 2 * r.c * r.oc * (7 / 8),
      what: `${r.pairs * 2} x ${r.oc} x ${r.c}, ${r.blocks} blocks of ${r.blockPairs} pairs`,
    };
  }
  if (name === "winograd") {
    const work = (r.size + 2) ** 2 * r.tiles * r.c * r.oc;
    return { work, what: `F(${r.size}) ${r.c} to ${r.oc}, ${r.oh}x${r.ow}, ${r.blocks} blocks of ${r.blockTiles}` };
  }
  return { work: 0, what: r.h === undefined ? "" : `${r.h}x${r.w}x${r.c}` };
}

if (values.assembly) {
  const map = readFileSync(`/tmp/perf-${process.pid}.map`, "utf8").split("\n");
  const memory = openSync("/proc/self/mem", "r");
  let text = "";
  for (const line of map.filter((l) => /wasm-function.*turbofan/.test(l))) {
    const [address, length] = line.split(" ");
    const code = Buffer.alloc(Number.parseInt(length, 16));
    readSync(memory, code, 0, code.length, BigInt(`0x${address}`));
    writeFileSync(`${values.assembly}.bin`, code);
    const flags = ["-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", `${values.assembly}.bin`];
    text += `\n==== ${line}\n${execFileSync("objdump", flags, { maxBuffer: 1 << 28 })}`;
  }
  writeFileSync(values.assembly, text);
}
process.exit(0);
