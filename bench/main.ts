/**
 * `npm run bench [-- --json] [--filter TEXT] [--backend wasm|js] [--time MS] [--clock wall|cpu]`: every layer marked `perf` in test/cases and
 * whole networks, in strict mode on one thread. GFLOP/s counts two operations for each multiply-accumulate of the plain
 * definition. `--clock cpu` counts the processor time of this process: for machines that are busy with other things. With --json, one object on the last line of standard output; the table goes to standard error.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { measurePeak } from "../src/cli/peak.ts";
import { type InitOptions, info, init } from "../src/index.ts";
import { type Clock, clocks, gflops, type Result } from "./measure.ts";
import { benchModels } from "./models.ts";
import { benchOps, type Settings } from "./ops.ts";
import { columns, tablePrinter } from "./report.ts";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    filter: { type: "string", default: "" },
    backend: { type: "string" },
    time: { type: "string", default: "200" },
    clock: { type: "string", default: "wall" },
  },
});
const time = Number(options.time);
const clock = Object.keys(clocks).find((c): c is Clock => c === options.clock);
if (clock === undefined) {
  console.error(`--clock is wall or cpu, got ${options.clock}`);
  process.exit(2);
}
if (!(time > 0)) {
  console.error(`--time needs milliseconds, got ${options.time}`);
  process.exit(2);
}
const print = options.json ? console.error : console.log;
const peak = await measurePeak();
print(`Node ${process.version}, ${cpus()[0]?.model ?? "unknown processor"}, one thread`);
print(`peak of multiplying and adding in 128-bit registers: ${peak.toFixed(1)} GFLOP/s`);

const results: Result[] = [];
const skipped: string[] = [];
const table = tablePrinter(columns(peak), print);

async function run(backend: NonNullable<InitOptions["backend"]>, settings: Settings): Promise<void> {
  await init({ backend });
  const { binary } = info();
  const left: string[] = [];
  for (const [title, rows] of [
    ["layers", benchOps(settings)],
    ["networks", benchModels(settings)],
  ] as const) {
    table.head(`${title} on ${backend}${binary === undefined ? "" : ` (${binary})`}`);
    for await (const r of rows) {
      if ("skipped" in r) {
        left.push(r.skipped);
        continue;
      }
      results.push(r);
      table.row(r);
    }
  }
  skipped.push(...left.map((name) => `${backend}: ${name}`));
  if (left.length > 0) {
    print(`not timed on ${backend}, more than ${settings.maxMacs / 1e6} million multiply-accumulates:`);
    print(`  ${left.join("\n  ")}`);
  }
}

// A run on js takes about a millisecond for a million multiply-accumulates: what takes longer than a second is left out.
const limits = { wasm: Number.POSITIVE_INFINITY, js: 1.9e9 } as const;
for (const backend of ["wasm", "js"] as const) {
  if (options.backend !== undefined && options.backend !== backend) continue;
  await run(backend, {
    filter: options.filter,
    time: backend === "js" ? time / 2 : time,
    clock,
    maxMacs: limits[backend],
  });
}
if (results.length === 0) {
  console.error("no row fits --filter and --backend");
  process.exitCode = 1;
}

const product = results.find((r) => r.backend === "wasm" && r.group === "linear" && r.name.startsWith("1024x1024"));
if (product !== undefined) {
  print(
    `\nplain matrix product 1024 x 1024 x 1024: ${gflops(product).toFixed(1)} GFLOP/s on one thread, ${gflops(product, "best").toFixed(1)} at best (floor: 25)`,
  );
}
if (options.json) {
  const rows = results.map((r) => ({ ...r, gflops: r.macs > 0 ? gflops(r) : null }));
  console.log(JSON.stringify({ node: process.version, clock, peak, results: rows, skipped }));
}
