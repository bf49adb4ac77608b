/**
 * `node scripts/run.js build/bench/train/workers.js [--threads N] [--rounds N] [--pictures N] [--workers 0,1] [--only NAME]`: an epoch of
 * training with 0 and 1 data workers, in turns: photographs (JPEG 640x427 and PNG 600x400, copies of two) and CIFAR-10's JPEG files in class folders, decoded on
 * demand; the same with all decoded (the second epoch); and CIFAR-10's pictures from `prepare`. Needs the shared folder. A second core that
 * somebody else uses is none: epochs during which other processes had more than 5 % of the machine are done again (Linux; `--seconds N`
 * of trying).
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  cifarResnet20,
  fit,
  init,
  manualSeed,
  openDataset,
  type Preprocessing,
  prepare,
  prepareOnDemand,
  type TrainingData,
} from "../../src/index.ts";
import { memorySource } from "../../src/io/source.ts";
import { readZip } from "../../src/io/zip.ts";
import { cifarClassification } from "../../src/vision/presets.ts";
import { sharedPath } from "../../test/support/shared.ts";

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "5" },
    pictures: { type: "string", default: "256" },
    workers: { type: "string", default: "0,1" },
    seconds: { type: "string", default: "150" },
    only: { type: "string", default: "" },
  },
});
const [threads, rounds, pictures] = [values.threads, values.rounds, values.pictures].map(Number) as [
  number,
  number,
  number,
];
const counts = values.workers.split(",").map(Number);
const [zip, jpeg, png] = ["data/cifar10-jpeg.zip", "photos/rocket.jpg", "photos/coffee.png"].map(sharedPath);
if (zip === undefined || jpeg === undefined || png === undefined) process.exit(1);
const root = mkdtempSync(join(tmpdir(), "resnet-ts-workers-"));
process.on("exit", () => rmSync(root, { recursive: true, force: true }));

function photographs(): string {
  const folder = join(root, "photographs");
  for (const [label, file] of [
    ["rocket", jpeg!],
    ["coffee", png!],
  ] as const) {
    mkdirSync(join(folder, label), { recursive: true });
    for (let i = 0; i < pictures / 2; i++) copyFileSync(file, join(folder, label, `${i}${file.slice(-4)}`));
  }
  return folder;
}

function cifar(): string {
  const folder = join(root, "cifar");
  const bytes = readFileSync(zip!);
  const counts = new Map<string, number>();
  for (const [name, { offset, size }] of readZip(memorySource(zip!, bytes))) {
    const [split, label, file] = name.split("/");
    const n = counts.get(label!) ?? 0;
    if (split !== "test" || !file || n >= (4 * pictures) / 10) continue;
    counts.set(label!, n + 1);
    mkdirSync(join(folder, label!), { recursive: true });
    writeFileSync(join(folder, label!, file), bytes.subarray(offset, offset + size));
  }
  return folder;
}

await init({ threads });
const preprocessing: Preprocessing = cifarClassification();
const dataset = { photographs: await openDataset(photographs()), cifar: await openDataset(cifar()) };
const decoded = await prepare(dataset.cifar, { preprocessing });

/** Images a second of each of the epochs, what is waited for included. */
async function speeds(data: TrainingData, numWorkers: number, epochs: number): Promise<number[]> {
  manualSeed(0);
  const net = cifarResnet20({ numClasses: data.classes.length });
  const found: number[] = [];
  let last = performance.now();
  await fit(net, data, {
    epochs,
    batch: 32,
    augment: { pad: 4, flip: true },
    normalize: preprocessing.normalize,
    numWorkers,
    onEpoch: () => {
      const now = performance.now();
      found.push((1000 * data.length) / (now - last));
      last = now;
    },
  });
  net.dispose();
  return found;
}

/** Processor time of the whole machine, and of this process: seconds. */
function busy(): { all: number; own: number } {
  const { user, system } = process.cpuUsage();
  const own = (user + system) / 1e6;
  try {
    const [, ...ticks] = readFileSync("/proc/stat", "utf8").split("\n")[0]!.trim().split(/\s+/);
    // user, nice, system; then idle and iowait; then irq, softirq, steal
    return { all: [0, 1, 2, 5, 6, 7].reduce((sum, i) => sum + Number(ticks[i]), 0) / 100, own };
  } catch {
    return { all: own, own };
  }
}

const deadline = performance.now() + 1000 * Number(values.seconds);

/** The speed of an epoch that had the machine to itself; undefined where none had before the time was up. */
async function quiet(
  open: () => Promise<TrainingData>,
  numWorkers: number,
  epoch: number,
): Promise<number | undefined> {
  while (performance.now() < deadline) {
    const data = await open();
    const [before, began] = [busy(), performance.now()];
    const speed = (await speeds(data, numWorkers, epoch + 1))[epoch]!;
    const [after, wall] = [busy(), (performance.now() - began) / 1000];
    const others = after.all - before.all - (after.own - before.own);
    if (others / (wall * availableParallelism()) < 0.05) return speed;
  }
  return undefined;
}

const onDemand = (name: keyof typeof dataset) => () => prepareOnDemand(dataset[name], { preprocessing });
const cases: [string, () => Promise<TrainingData>, number][] = [
  ["photographs, being decoded", onDemand("photographs"), 0],
  ["photographs, second epoch", onDemand("photographs"), 1],
  ["cifar files, being decoded", onDemand("cifar"), 0],
  ["cifar files, second epoch", onDemand("cifar"), 1],
  ["cifar, prepared, second epoch", async () => decoded, 1],
];
console.log(
  `Node ${process.version}, ${availableParallelism()} cores, ${threads} thread(s); images a second, best and median of ${rounds}`,
);
await speeds(decoded, 0, 1); // the kernels are compiled
for (const [name, open, epoch] of cases) {
  if (!name.includes(values.only)) continue;
  const found = counts.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    for (const [i, numWorkers] of counts.entries()) {
      const speed = await quiet(open, numWorkers, epoch);
      if (speed !== undefined) found[i]!.push(speed);
    }
  }
  const show = (list: readonly number[]) => {
    const sorted = [...list].sort((a, b) => b - a);
    return `${(sorted[0] ?? Number.NaN).toFixed(0)} ${(sorted[list.length >> 1] ?? Number.NaN).toFixed(0)} (${list.length})`;
  };
  const each = counts.map((numWorkers, i) => `${numWorkers}: ${show(found[i]!)}`);
  console.log(`${name.padEnd(32)} numWorkers ${each.join(", ")}`);
}
