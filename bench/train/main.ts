/**
 * `npm run bench:train [-- --model NAME] [--batch N] [--threads N] [--steps N] [--clock wall|cpu] [--shapes] [--no-torch] [--json]`:
 * a step of training (forward, backward, SGD) as a whole, by its parts and by op, in turns with PyTorch's on the same number of
 * threads in both of its layouts. `--write` writes bench/TRAIN.md, with ResNet-50's memory and TensorFlow.js where bench/ has it installed. `--clock cpu` counts processor time, for machines that are busy with other things.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { info, init } from "../../src/index.ts";
import { modelName } from "../../src/models/names.ts";
import { type Clock, clocks } from "../measure.ts";
import { profile } from "./profile.ts";
import { trainingStep } from "./step.ts";
import { writeTable } from "./table.ts";
import { startTorch, type TorchStep } from "./torch.ts";

const { values: options } = parseArgs({
  options: {
    model: { type: "string", default: "cifar_resnet20" },
    batch: { type: "string", default: "128" },
    threads: { type: "string", default: "1" },
    steps: { type: "string", default: "10" },
    clock: { type: "string", default: "wall" },
    relaxed: { type: "boolean", default: false },
    shapes: { type: "boolean", default: false },
    "no-torch": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const clock = Object.keys(clocks).find((c): c is Clock => c === options.clock);
const [batch, threads, steps] = [options.batch, options.threads, options.steps].map(Number) as [number, number, number];
if (clock === undefined || ![batch, threads, steps].every((n) => Number.isInteger(n) && n > 0)) {
  console.error("--clock is wall or cpu; --batch, --threads and --steps are whole numbers of at least 1");
  process.exit(2);
}
const now = clocks[clock];
const print = options.json ? console.error : console.log;
const model = modelName(options.model);

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
const best = (list: readonly number[]): number => Math.min(...list);
const line = (what: string, times: readonly number[], rest = "") =>
  print(`${what.padEnd(34)} ${best(times).toFixed(1).padStart(8)} ${median(times).toFixed(1).padStart(8)}  ${rest}`);

await init({ backend: "wasm", threads, relaxed: options.relaxed });
print(`Node ${process.version}, ${cpus()[0]?.model ?? "unknown processor"}, ${threads} thread(s), ${clock} time`);
print(`${model}, batch ${batch}: milliseconds of a training step, best and median of ${steps}`);
const step = trainingStep(model, batch);
step.run();
step.run();

const peers: [string, TorchStep][] = [];
let version = "";
if (!options["no-torch"]) {
  for (const layout of ["channels-last", "channels-first"] as const) {
    const peer = await startTorch({ model, batch, layout, threads, clock });
    if (peer === undefined) break;
    version = peer.version;
    peers.push([`PyTorch ${layout}`, peer]);
  }
}

// In turns, so that what else the machine does falls on all alike.
const ours: number[] = [];
const parts = { forward: [] as number[], backward: [] as number[], update: [] as number[] };
const theirs = peers.map(() => [] as number[]);
for (let i = 0; i < steps; i++) {
  const t0 = now();
  step.forward();
  const t1 = now();
  step.backward();
  const t2 = now();
  step.update();
  const t3 = now();
  ours.push(t3 - t0);
  parts.forward.push(t1 - t0);
  parts.backward.push(t2 - t1);
  parts.update.push(t3 - t2);
  for (const [j, [, peer]] of peers.entries()) theirs[j]!.push(...(await peer.times(1)));
}
for (const [, peer] of peers) peer.stop();

const speed = (times: readonly number[]) => `${((1000 * batch) / best(times)).toFixed(0)} images/s`;
line("resnet-ts", ours, speed(ours));
for (const [part, times] of Object.entries(parts)) line(`  ${part}`, times);
peers.forEach(([name], i) => {
  line(
    `${name} (${version})`,
    theirs[i]!,
    `${speed(theirs[i]!)}; ours takes ${(best(ours) / best(theirs[i]!)).toFixed(2)}x`,
  );
});
const { memory } = info();
print(`linear memory ${(memory.reserved / 2 ** 20).toFixed(0)} MB`);

const rows = profile(() => step.run(), options.shapes ? "shape" : "op", now);
const total = rows.reduce((sum, r) => sum + r.ms, 0);
print(`\nby op (one step, ${total.toFixed(1)} ms in launches)`);
for (const r of rows)
  print(
    `${r.ms.toFixed(1).padStart(8)} ms ${((100 * r.ms) / total).toFixed(1).padStart(5)} % ${String(r.launches).padStart(4)}x ${r.op}`,
  );
if (options.json) {
  const named = Object.fromEntries(peers.map(([name], i) => [name, theirs[i]]));
  console.log(
    JSON.stringify({
      model,
      batch,
      threads,
      clock,
      ours,
      parts,
      torch: named,
      version,
      reserved: memory.reserved,
      rows,
    }),
  );
}
step.dispose();
if (options.write) {
  const torch = peers.map(([name], i) => [name, theirs[i] ?? []] as const);
  await writeTable({ model, batch, threads, clock, ours, torch, version, reserved: memory.reserved });
}
process.exit(0);
