import { setTimeout as wait } from "node:timers/promises";
import type { Status } from "../../../fleet/status.ts";
import { type Command, UsageError } from "../../command.ts";
import { loadFleet, looking, redisOption } from "./common.ts";

export const fleetStatus: Command = {
  name: "fleet status",
  summary: "Show how far a job is: a bar, pictures a second, the time left, failures.",
  usage: "[options] [NAME]",
  without: ["backend", "relaxed", "threads"],
  options: {
    ...redisOption,
    watch: { type: "boolean", help: "every second, until the job is finished" },
    failures: { type: "boolean", help: "the pictures that were given up, with the reason, one JSON object a line" },
  },
  examples: ["resnet-ts fleet status birds --watch", "resnet-ts fleet status birds --failures > bad.jsonl"],
  async run(values, [name, ...more]) {
    if (more.length > 0) throw new UsageError("fleet status takes one name");
    const fleet = await loadFleet();
    const options = looking(values);
    const quiet = { ...options, onNote: () => {} };
    if (name === undefined) {
      for (const job of await fleet.jobNames(options)) show(await fleet.status(job, quiet), values.json === true);
      return 0;
    }
    if (values.failures === true) {
      for await (const picture of fleet.failures(name, options)) console.log(JSON.stringify(picture));
      return 0;
    }
    let now = await fleet.status(name, options);
    while (values.watch === true && !isFinished(now)) {
      if (values.json === true) console.log(JSON.stringify(now));
      else if (process.stdout.isTTY)
        process.stdout.write(`\r\x1b[K${bar(now).slice(0, (process.stdout.columns ?? 80) - 1)}`);
      else console.log(bar(now));
      await wait(1000);
      now = await fleet.status(name, quiet);
    }
    if (values.watch === true && process.stdout.isTTY) process.stdout.write("\r\x1b[K");
    show(now, values.json === true);
    return 0;
  },
};

const isFinished = ({ chunks }: Status): boolean =>
  chunks.total !== undefined && chunks.done + chunks.failed >= chunks.total;

const n = (value: number): string => value.toLocaleString("en-US");

function show(status: Status, json: boolean): void {
  if (json) {
    console.log(JSON.stringify(status));
    return;
  }
  const { model, weights, hash, what, chunks, failed, job, workers } = status;
  console.log(bar(status));
  console.log(`  ${what} with ${model} (${weights}, ${hash.slice(0, 16)})`);
  const parts = [
    `${n(chunks.done)} done`,
    `${n(chunks.active)} in work`,
    `${n(chunks.waiting)} waiting`,
    ...(chunks.delayed > 0 ? [`${n(chunks.delayed)} to be tried again`] : []),
    ...(chunks.failed > 0 ? [`${n(chunks.failed)} FAILED`] : []),
  ];
  console.log(`  chunks: ${parts.join(", ")}; ${workers} ${workers === 1 ? "worker" : "workers"}`);
  if (failed > 0 || chunks.failed > 0) {
    console.log(`  ${n(failed)} pictures were given up: resnet-ts fleet status ${job} --failures`);
  }
}

function bar({ job, pictures, done, failed, rate, left }: Status): string {
  if (pictures === undefined) return `${job}  being submitted, ${n(done)} pictures done`;
  const share = pictures === 0 ? 1 : done / pictures;
  const width = 24;
  const filled = Math.floor(share * width);
  const parts = [
    job,
    `${"█".repeat(filled)}${"░".repeat(width - filled)}`,
    `${n(done)}/${n(pictures)}`,
    `${(Math.floor(1000 * share) / 10).toFixed(1)} %`,
    ...(rate > 0 && left !== 0 ? [`${rate < 10 ? rate.toFixed(1) : n(Math.round(rate))}/s`] : []),
    ...(left === undefined ? [] : [left === 0 ? "finished" : `${clock(left)} left`]),
    ...(failed > 0 ? [`${n(failed)} failed`] : []),
  ];
  return parts.join("  ");
}

function clock(seconds: number): string {
  const s = Math.ceil(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}
