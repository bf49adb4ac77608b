/**
 * `npm run bench:fleet [-- --pictures N] [--rounds N] [--model NAME] [--chunk N] [--json]`: what the queue costs next to a plain
 * loop, and what a second worker brings. In each round the plain loop, one worker and two workers label the same pictures, one
 * after the other, each worker with one engine on one thread; a job is held back until its workers are ready. Random weights.
 * What a second worker brings is told by the pace while both are busy. Overhead is told by the clock on the wall and by processor time, which is what counts on a machine that is busy otherwise.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { batchFor } from "../../src/fleet/engine.ts";
import { submit } from "../../src/fleet/index.ts";
import { keyOf, queuePrefix } from "../../src/fleet/job.ts";
import { preprocessingOf, resolveModel } from "../../src/fleet/model.ts";
import { createModel, init, manualSeed, saveSafetensors } from "../../src/index.ts";
import { Running } from "../../test/support/fleet.ts";
import { hasRedis, RedisServer } from "../../test/support/redisServer.ts";
import { repoRoot } from "../../test/support/shared.ts";

const { values } = parseArgs({
  options: {
    pictures: { type: "string", default: "320" },
    rounds: { type: "string", default: "3" },
    model: { type: "string", default: "resnet18" },
    chunk: { type: "string", default: "8" },
    json: { type: "boolean", default: false },
  },
});
const [pictures, rounds, chunk] = [values.pictures, values.rounds, values.chunk].map(Number) as [
  number,
  number,
  number,
];
if (!hasRedis) process.exit(1);
if (!(pictures % chunk === 0 && pictures / chunk >= 12)) {
  console.error(`--pictures must be a multiple of --chunk, and at least 12 of them; got ${pictures} and ${chunk}`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "resnet-ts-bench-fleet-"));
const redis = await RedisServer.start();
const client = new Redis(redis.url, { maxRetriesPerRequest: null });

interface Run {
  /** From the first picture to the last. */
  readonly seconds: number;
  /** Pictures a second while all workers are busy. */
  readonly rate: number;
  /** Seconds of processor time of all processes but Redis. */
  readonly cpu: number;
  /** Those of the workers' main threads: fetching, the queue, writing. */
  readonly main?: number;
}

/** Processor time of each thread of a process so far; Linux only. */
function threadsOf(pid: number): Map<string, number> {
  const tasks = `/proc/${pid}/task`;
  try {
    return new Map(readdirSync(tasks).map((thread) => [`${pid}/${thread}`, cpuOf(`${tasks}/${thread}/stat`)]));
  } catch {
    return new Map();
  }
}

function cpuOf(stat: string): number {
  try {
    const fields = readFileSync(stat, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}

const time = async (): Promise<number> => {
  const [seconds, micros] = await client.time();
  return Number(seconds) + Number(micros) / 1e6;
};

async function plainLoop(model: string, weights: string, list: string): Promise<Run> {
  const batch = batchFor(preprocessingOf(resolveModel(model, weights)));
  const script = join(repoRoot, "build/bench/fleet/plain.js");
  const child = spawn(process.execPath, [script, model, weights, list, join(folder, "plain.jsonl"), String(batch)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (data) => {
    text += data;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error("the plain loop failed");
  const run = JSON.parse(text) as Omit<Run, "rate">;
  return { ...run, rate: pictures / run.seconds };
}

async function workers(count: number, name: string, model: string, weights: string, list: string): Promise<Run> {
  await submit({ redis: redis.url, job: name, inputs: [list], model, weights, chunk });
  const queue = new Queue(name, { connection: client, prefix: queuePrefix });
  await queue.pause();
  const running = Array.from(
    { length: count },
    () => new Running(["work", name, "--once", "--threads", "1", "--out", join(folder, "out"), "--redis", redis.url]),
  );
  try {
    await Promise.all(running.map((worker) => worker.says(/results in/)));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const used = (): Map<string, number> => new Map(running.flatMap(({ child }) => [...threadsOf(child.pid!)]));
    const before = used();
    const started = await time();
    await queue.resume();
    let after = before;
    for (let done = 0; done < pictures; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      done = Number(await client.hget(keyOf(name, "totals"), "ok"));
      after = used();
    }
    const records = (await client.lrange(keyOf(name, "recent"), 0, -1)).reverse();
    const times = records.map((record) => Number(record.split(" ")[0]));
    // Each worker begins two chunks at once, and at the end one of them is done before the other.
    const [from, to] = [2 * count - 1, times.length - 1 - 2 * count] as const;
    const rate = ((to - from) * chunk) / (times[to]! - times[from]!);
    const last = times.at(-1)!;
    const spent = [...after].map(([id, seconds]) => ({ id, seconds: seconds - (before.get(id) ?? 0) }));
    const sum = (list: typeof spent): number => list.reduce((total, { seconds }) => total + seconds, 0);
    const isMain = ({ id }: { id: string }): boolean => /^(\d+)\/\1$/.test(id);
    return { seconds: last - started, rate, cpu: sum(spent), main: sum(spent.filter(isMain)) };
  } finally {
    await Promise.all(running.map((worker) => worker.ended));
    await queue.close();
  }
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;

try {
  await init();
  manualSeed(0);
  const net = createModel(values.model);
  const weights = join(folder, `${values.model}.safetensors`);
  writeFileSync(weights, saveSafetensors(net.stateDict()));
  net.dispose();
  mkdirSync(join(folder, "in"));
  const files = Array.from({ length: pictures }, (_, i) => join(folder, "in", `${String(i).padStart(6, "0")}.jpg`));
  for (const file of files) copyFileSync(join(repoRoot, "assets/sample/cat.jpg"), file);
  const list = join(folder, "list.txt");
  writeFileSync(list, `${files.join("\n")}\n`);

  const print = values.json ? console.error : console.log;
  print(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown processor"}`);
  print(
    `${values.model}, random weights, ${pictures} pictures in chunks of ${chunk}; pictures a second (processor ms a picture)`,
  );
  const rows: (readonly [plain: Run, one: Run, two: Run])[] = [];
  const show = ({ rate, cpu }: Run): string =>
    `${rate.toFixed(1)} (${((1000 * cpu) / pictures).toFixed(1)})`.padEnd(18);
  print(`${"plain loop".padEnd(18)}${"one worker".padEnd(18)}two workers`);
  for (let round = 0; round < rounds; round++) {
    const row = [
      await plainLoop(values.model, weights, list),
      await workers(1, `one-${round}`, values.model, weights, list),
      await workers(2, `two-${round}`, values.model, weights, list),
    ] as const;
    rows.push(row);
    print(row.map(show).join(""));
  }
  const ratio = (pick: (row: (typeof rows)[number]) => number): number => median(rows.map(pick));
  const overhead = ratio(([plain, one]) => one.seconds / plain.seconds - 1);
  const overheadCpu = ratio(([plain, one]) => one.cpu / plain.cpu - 1);
  const main = ratio(([, one]) => (one.main ?? 0) / one.cpu);
  const scaling = ratio(([, one, two]) => two.rate / one.rate);
  const percent = (share: number): string => `${share < 0 ? "" : "+"}${(100 * share).toFixed(1)} %`;
  print(`the queue costs ${percent(overhead)} of time, ${percent(overheadCpu)} of processor time (limit: 5 %)`);
  print(`${(100 * main).toFixed(1)} % of a worker's processor time is its main thread's`);
  print(`two workers are ${scaling.toFixed(2)} times as fast as one (limit: 1.8); medians of ${rounds}`);
  if (values.json)
    console.log(JSON.stringify({ model: values.model, pictures, chunk, rows, overhead, overheadCpu, main, scaling }));
} finally {
  client.disconnect();
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
}
