import { join } from "node:path";
import type { Job as QueueJob, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { pause } from "../io/retry.ts";
import { chunkName } from "./chunkFile.ts";
import type { Engines } from "./engines.ts";
import { FleetError, messageOf } from "./errors.ts";
import { checkThere, type Job, JobGone, keyOf, queuePrefix } from "./job.ts";
import { loadBullMq } from "./packages.ts";
import { processChunk, TryAgain } from "./processChunk.ts";
import { readDone, recordChunk } from "./records.ts";
import { backOrGone, patiently } from "./redis.ts";
import type { ChunkData } from "./submit.ts";

/** What a worker has done. */
export interface Tally {
  chunks: number;
  pictures: number;
  /** Pictures that were given up. */
  failed: number;
}

/** What `work` tells of a chunk that is done. */
export interface ChunkEvent {
  readonly job: string;
  readonly chunk: number;
  readonly ok: number;
  readonly failed: number;
}

export interface RunOptions {
  readonly lock?: number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onNote?: (note: string) => void;
  readonly onChunk?: (event: ChunkEvent) => void;
}

/** Times that a chunk may lose its worker before it is put aside: it may be what kills them. */
const MAX_STALLED = 10;

/** Milliseconds between two looks at whether the job is finished. */
const LOOK = 500;

/** Milliseconds without anything to take, before a job that is not finished is left to itself. */
export const PATIENCE = 5000;

/** Takes a job's chunks until there is nothing left to do in it or the signal says stop; what was begun is finished. */
export async function runQueue(
  client: Redis,
  job: Job,
  engines: Engines,
  place: { readonly host: string; readonly out: string; readonly folder: string },
  options: RunOptions,
  tally: Tally,
): Promise<void> {
  const { lock = 30, threads = 1, signal, onNote = () => {}, onChunk } = options;
  const { Worker, WaitingError } = await loadBullMq();
  const stop = new AbortController();
  const ended = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  let fatal: unknown;

  async function take(task: QueueJob<ChunkData>, token = ""): Promise<void> {
    const { chunk, references, round = 0 } = task.data;
    const attempt = task.attemptsMade + 1;
    try {
      const [known] = await patiently(ended, onNote, async () => {
        await checkThere(client, job); // else it is a chunk of another job of this name, which wants another network perhaps
        return readDone(client, job.name, chunk, chunk + 1);
      });
      if (known !== undefined) return; // a worker finished it, and died before the queue heard of it
      const result = await processChunk(
        {
          path: join(place.folder, chunkName(chunk, round)),
          references,
          ...(round === 0 ? {} : { before: join(place.folder, chunkName(chunk, round - 1)) }),
          hash: job.hash,
          attempt,
          isLast: attempt >= (task.opts.attempts ?? 1),
        },
        engines,
      );
      const { failed, ok, sha256 } = result;
      const done = { ok, failed: failed.size, sha256, host: place.host, out: place.out, round };
      const before = await patiently(ended, onNote, () => recordChunk(client, job, chunk, done, failed));
      if (before !== undefined) {
        if (before.sha256 !== sha256 && before.failed === 0 && failed.size === 0) {
          onNote(`chunk ${chunk}: ${before.host} has recorded other results; those stay; run \`fleet verify\``);
        }
        return;
      }
      tally.chunks++;
      tally.pictures += ok;
      tally.failed += failed.size;
      onChunk?.({ job: job.name, chunk, ok, failed: failed.size });
    } catch (error) {
      if (error instanceof TryAgain) throw error;
      // Whatever else goes wrong is this machine's fault: somebody else shall have the chunk.
      if (!(error instanceof JobGone)) fatal ??= error;
      stop.abort();
      if (!(error instanceof FleetError)) throw error; // but it counts as a try: the chunk may be what kills engines
      await task.moveToWait(token);
      throw new WaitingError();
    }
  }

  const worker: Worker<ChunkData, void> = new Worker<ChunkData, void>(job.name, (task, token) => take(task, token), {
    connection: client,
    prefix: queuePrefix,
    skipVersionCheck: true,
    // One more than engines: its pictures are fetched while the others are computed.
    concurrency: threads + 1,
    lockDuration: lock * 1000,
    stalledInterval: lock * 1000,
    maxStalledCount: MAX_STALLED,
    drainDelay: 1,
    runRetryDelay: 1000, // after an error of the connection; 15 seconds by default, which a worker that leaves would wait for too
  });
  worker.on("error", () => {}); // of the connection, which is followed elsewhere; or a lock that was lost, and the chunk is taken over
  worker.on("stalled", (id) => onNote(`${id}: its worker went silent; it is taken over`));
  worker.on("failed", (task, error) => {
    if (error instanceof TryAgain && (task?.attemptsMade ?? 0) < (task?.opts.attempts ?? 1)) onNote(error.message);
    else onNote(`${task?.id ?? "a chunk"} failed: ${messageOf(error)}`);
  });

  try {
    let idleSince = performance.now();
    while (!ended.aborted) {
      const state = await patiently(ended, onNote, () => look(client, job));
      if (state === "finished" || state === "gone") break;
      if (state === "open") idleSince = performance.now();
      else if (performance.now() - idleSince > PATIENCE) break;
      await pause(LOOK, ended).catch(() => {});
    }
  } finally {
    // BullMQ waits for its connections to say that they ended, which those that are closed between two tries never do (ioredis).
    await backOrGone(client);
    await worker.close(client.status === "end");
  }
  if (fatal !== undefined || client.status === "end") throw fatal ?? new Error("the connection was given up");
}

/**
 * `finished`: every chunk is done, or was put aside. `gone`: the job was removed. `starved`: neither, and nothing of it is in the
 * queue: its submission goes on, or was interrupted, or Redis has lost a part.
 */
type State = "open" | "finished" | "gone" | "starved";

export async function look(client: Redis, { name, id }: Pick<Job, "name" | "id">): Promise<State> {
  const queue = `${queuePrefix}:${name}`;
  const [[format, now, chunks], done, lost, ...queued] = await Promise.all([
    client.hmget(keyOf(name, "settings"), "format", "id", "chunks"),
    client.hget(keyOf(name, "totals"), "chunks"),
    client.zcard(`${queue}:failed`),
    client.llen(`${queue}:wait`),
    client.llen(`${queue}:active`),
    client.zcard(`${queue}:delayed`),
  ]);
  if (typeof format !== "string" || (now ?? undefined) !== id) return "gone";
  if (typeof chunks === "string" && Number(done) + lost >= Number(chunks)) return "finished";
  return queued.some((count) => count > 0) ? "open" : "starved";
}
