import type { Redis } from "ioredis";
import { jobsKey, keyOf, queuePrefix, readJob } from "./job.ts";
import { loadBullMq } from "./packages.ts";
import type { FailedPicture } from "./records.ts";
import { connect } from "./redis.ts";
import type { ChunkData } from "./submit.ts";

/** How far a job has come. */
export interface Status {
  readonly job: string;
  readonly model: string;
  readonly weights: string;
  readonly hash: string;
  readonly what: "classify" | "embed";
  /** Undefined while it is being submitted. */
  readonly pictures: number | undefined;
  readonly done: number;
  readonly failed: number;
  /** Pictures a second in the last minute. */
  readonly rate: number;
  /** Seconds; undefined where nobody can know. */
  readonly left: number | undefined;
  readonly chunks: {
    readonly total: number | undefined;
    readonly done: number;
    readonly active: number;
    readonly waiting: number;
    /** Waiting for another try. */
    readonly delayed: number;
    /** Given up as a whole. */
    readonly failed: number;
  };
  readonly workers: number;
}

/** Which job to look at, in which Redis. */
export interface LookOptions {
  readonly redis?: string;
  /** Called with sentences for people: a connection that was lost, a job that is unknown. */
  readonly onNote?: (note: string) => void;
}

/** Opens Redis for one question. */
export async function withRedis<T>(options: LookOptions, ask: (client: Redis) => Promise<T>): Promise<T> {
  const client = await connect(options.redis, options.onNote === undefined ? {} : { onNote: options.onNote });
  try {
    return await ask(client);
  } finally {
    client.disconnect();
  }
}

/** Names of all jobs, the oldest first. */
export const jobNames = (options: LookOptions = {}): Promise<string[]> =>
  withRedis(options, (client) => client.zrange(jobsKey, "0", "-1"));

/** How far a job is. @throws FleetError */
export const status = (name: string, options: LookOptions = {}): Promise<Status> =>
  withRedis(options, (client) => readStatus(client, name));

/** The same on a connection that is there. */
export async function readStatus(client: Redis, name: string): Promise<Status> {
  const { Queue } = await loadBullMq();
  const job = await readJob(client, name);
  const queue = new Queue(name, {
    connection: client,
    prefix: queuePrefix,
    skipVersionCheck: true,
    skipMetasUpdate: true,
  });
  queue.on("error", () => {});
  try {
    const [totals, recent, [seconds], counts, workers] = await Promise.all([
      client.hgetall(keyOf(name, "totals")),
      client.lrange(keyOf(name, "recent"), 0, -1),
      client.time(),
      queue.getJobCounts("active", "waiting", "delayed", "failed"),
      queue.getWorkersCount(),
    ]);
    const failed = Number(totals.failed ?? 0);
    const done = Number(totals.ok ?? 0) + failed;
    const rate = pace(recent, Number(seconds));
    const missing = job.pictures === undefined ? undefined : job.pictures - done;
    return {
      job: name,
      model: job.model,
      weights: job.weights,
      hash: job.hash,
      what: job.what,
      pictures: job.pictures,
      done,
      failed,
      rate,
      left: missing === 0 ? 0 : missing === undefined || rate === 0 ? undefined : missing / rate,
      chunks: {
        total: job.chunks,
        done: Number(totals.chunks ?? 0),
        active: counts.active ?? 0,
        waiting: counts.waiting ?? 0,
        delayed: counts.delayed ?? 0,
        failed: counts.failed ?? 0,
      },
      workers,
    };
  } finally {
    await queue.close();
  }
}

/** Pictures a second over the last minute, from "time pictures" of the chunks that were done last, the newest first. */
export function pace(recent: readonly string[], now: number, window = 60): number {
  const rows = recent.map((row) => row.split(" ").map(Number) as [number, number]).filter(([t]) => now - t <= window);
  const oldest = rows.pop(); // its own pictures were computed before it was recorded
  if (oldest === undefined || rows.length === 0) return 0;
  const pictures = rows.reduce((sum, [, n]) => sum + n, 0);
  // As long as chunks come, the newest ends the time; when none come any more, the pace falls.
  const usual = (rows[0]![0] - oldest[0]) / rows.length;
  const silence = now - rows[0]![0];
  const seconds = (silence > 3 * usual + 1 ? now : rows[0]![0]) - oldest[0];
  return seconds > 0 ? pictures / seconds : 0;
}

/**
 * The dead-letter list: every picture that was given up, why, and after how many tries; also those of chunks that lost every
 * worker that took them.
 */
export async function* failures(name: string, options: LookOptions = {}): AsyncGenerator<FailedPicture> {
  const client = await connect(options.redis, options.onNote === undefined ? {} : { onNote: options.onNote });
  const { Queue } = await loadBullMq();
  try {
    await readJob(client, name);
    for (let cursor = "0"; ; ) {
      const [next, fields] = await client.hscan(keyOf(name, "failed"), cursor, "COUNT", 500);
      for (let i = 1; i < fields.length; i += 2) yield JSON.parse(fields[i]!) as FailedPicture;
      if (next === "0") break;
      cursor = next;
    }
    const queue = new Queue<ChunkData>(name, {
      connection: client,
      prefix: queuePrefix,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    });
    queue.on("error", () => {});
    for (let from = 0; ; from += 16) {
      const jobs = await queue.getFailed(from, from + 15);
      for (const { data, failedReason, attemptsMade } of jobs) {
        const reason = `its chunk ${data.chunk} failed: ${failedReason}`;
        for (const file of data.references) yield { file, reason, attempts: attemptsMade };
      }
      if (jobs.length < 16) break;
    }
    await queue.close();
  } finally {
    client.disconnect();
  }
}
