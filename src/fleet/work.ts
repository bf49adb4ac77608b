import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Redis } from "ioredis";
import { ArgumentError } from "../errors.ts";
import { pause } from "../io/retry.ts";
import type { FetchWeightsOptions } from "../pretrained.ts";
import { checkModel } from "./checkModel.ts";
import { checkFolder, resultsFolder } from "./chunkFile.ts";
import { Engines } from "./engines.ts";
import { FleetError } from "./errors.ts";
import { type Job, jobsKey, keyOf, readJob } from "./job.ts";
import { loadBullMq } from "./packages.ts";
import { connect } from "./redis.ts";
import { type ChunkEvent, runQueue, type Tally } from "./runQueue.ts";

/** What a worker takes from which Redis, and with how many threads. */
export interface WorkOptions {
  /** The folder of the results; that of several workers may be the same one on shared storage. */
  readonly out: string;
  /** redis://[:password@]host:port[/database]; `redis://127.0.0.1:6379` by default. */
  readonly redis?: string;
  /** Only these jobs; by default all, the one that was submitted first before the others. */
  readonly jobs?: readonly string[];
  /** Return when nothing is left to do; by default new jobs are waited for. */
  readonly once?: boolean;
  /** Engines, each on a core; 1 by default. */
  readonly threads?: number;
  /** A copy of the job's weights, where they are not where the job says. */
  readonly weights?: string;
  /** Seconds of silence after which a worker counts as dead and its chunks are taken over; 30 by default. */
  readonly lock?: number;
  readonly fetch?: Pick<FetchWeightsOptions, "offline" | "allowNonCommercial">;
  /** Aborted: chunks that are begun are finished, then `work` returns. */
  readonly signal?: AbortSignal;
  /** Called with sentences for people: a connection that was lost, a picture that could not be read. */
  readonly onNote?: (note: string) => void;
  /** Called after each chunk. */
  readonly onChunk?: (event: ChunkEvent) => void;
}

/**
 * Takes chunks from the queue until told to stop (or, with `once`, until all are done).
 * @returns what this worker did
 * @throws FleetError when it cannot join a job, or cannot keep results
 */
export async function work(options: WorkOptions): Promise<Tally> {
  const { jobs, once = false, signal, onNote = () => {} } = options;
  const { threads = 1, lock = 30 } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new ArgumentError(`work: threads must be a whole number from 1 to 256, got ${threads}`);
  }
  if (!(lock >= 1 && lock <= 3600)) throw new ArgumentError(`work: lock must be 1 to 3600 seconds, got ${lock}`);
  await loadBullMq(); // what is missing is said before anything is begun
  const client = await connect(options.redis, { onNote });
  const tally: Tally = { chunks: 0, pictures: 0, failed: 0 };
  try {
    while (!signal?.aborted) {
      const job = await nextJob(client, jobs);
      if (job !== undefined) await join(client, job, options, tally);
      else if (once) break;
      else await pause(1000, signal).catch(() => {});
    }
  } finally {
    client.disconnect();
  }
  return tally;
}

/** The first job that is not finished. */
async function nextJob(client: Redis, names: readonly string[] | undefined): Promise<Job | undefined> {
  for (const name of names ?? (await client.zrange(jobsKey, "0", "-1"))) {
    const job = await readJob(client, name);
    const done = Number(await client.hget(keyOf(name, "totals"), "chunks"));
    const lost = await client.zcard(`{resnet-ts}:${name}:failed`);
    if (job.chunks === undefined || done + lost < job.chunks) return job;
  }
  return undefined;
}

/** Checks everything that could make this worker's results useless, and only then takes chunks. */
async function join(client: Redis, job: Job, options: WorkOptions, tally: Tally): Promise<void> {
  const { onNote = () => {}, threads = 1 } = options;
  const out = resolve(options.out);
  checkFolder(resultsFolder(out, job, "check").replace(/[^/\\]*$/, ""));
  const spec = await checkModel(job, options);
  const engines = await Engines.start(spec, threads);
  try {
    await agree(client, job, engines.probe);
    onNote(
      `job ${job.name}: ${job.model} (${spec.weights}), ${threads === 1 ? "one engine" : `${threads} engines`}, results in ${out}`,
    );
    const folder = resultsFolder(out, job, engines.probe);
    const place = { host: hostname(), out, folder };
    await runQueue(client, job, engines, place, options, tally);
  } finally {
    await engines.close();
  }
}

/** The first worker says what bits the network gives; all others must get the same. */
async function agree(client: Redis, job: Job, probe: string): Promise<void> {
  const key = keyOf(job.name, "settings");
  await client.hsetnx(key, "probe", probe);
  const first = await client.hget(key, "probe");
  if (first === probe) return;
  throw new FleetError(
    `job ${JSON.stringify(job.name)}: this machine's network gives other bits (${probe}) than the job's first worker (${first}), ` +
      "although the weights are the same; use the same version of resnet-ts on all machines",
    { code: "ERR_OTHER_MODEL" },
  );
}
