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
import { firstProbe, type Job, JobGone, jobsKey, readJob } from "./job.ts";
import { loadBullMq } from "./packages.ts";
import { connect, patiently, stayedAway } from "./redis.ts";
import { type ChunkEvent, look, PATIENCE, runQueue, type Tally } from "./runQueue.ts";

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
  const client = await connect(options.redis, { onNote, signal });
  const tally: Tally = { chunks: 0, pictures: 0, failed: 0 };
  const starved = new Set<string>();
  const told = new Set<string>();
  let waited = 0;
  try {
    while (!signal?.aborted) {
      const job = await patiently(signal, onNote, () => nextJob(client, jobs, starved));
      if (job !== undefined) {
        await join(client, job, options, tally);
        waited = 0;
        continue;
      }
      // Somebody may be submitting it just now.
      if (waited >= PATIENCE) for (const name of starved) tellStarved(name, told, onNote);
      if (once && (starved.size === 0 || waited >= PATIENCE)) break;
      await pause(1000, signal).catch(() => {});
      waited += 1000;
    }
  } catch (error) {
    throw client.status === "end" ? stayedAway(options.redis, error) : error;
  } finally {
    client.disconnect();
  }
  return tally;
}

function tellStarved(name: string, told: Set<string>, onNote: (note: string) => void): void {
  if (told.has(name)) return;
  told.add(name);
  onNote(
    `job ${name} is not finished and nothing of it is in the queue: its submission was interrupted, or Redis has lost a part; ` +
      "submit it again, or remove it",
  );
}

/** The first job in which there is something to do; those of which nothing is in the queue are put into `starved`. */
async function nextJob(
  client: Redis,
  names: readonly string[] | undefined,
  starved: Set<string>,
): Promise<Job | undefined> {
  starved.clear();
  for (const name of names ?? (await client.zrange(jobsKey, "0", "-1"))) {
    try {
      const job = await readJob(client, name);
      const state = await look(client, job);
      if (state === "open") return job;
      if (state === "starved") starved.add(name);
    } catch (error) {
      // It was removed since it was listed.
      if (names !== undefined || !(error instanceof FleetError && error.code === "ERR_NO_JOB")) throw error;
    }
  }
  return undefined;
}

/** Checks everything that could make this worker's results useless, and only then takes chunks. */
async function join(client: Redis, job: Job, options: WorkOptions, tally: Tally): Promise<void> {
  const { onNote = () => {}, threads = 1, signal } = options;
  const out = resolve(options.out);
  checkFolder(resultsFolder(out, job, "check").replace(/[^/\\]*$/, ""));
  const spec = await checkModel(job, options);
  const engines = await Engines.start(spec, threads);
  try {
    await patiently(signal, onNote, () => agree(client, job, engines.probe));
    onNote(
      `job ${job.name}: ${job.model} (${spec.weights}), ${threads === 1 ? "one engine" : `${threads} engines`}, results in ${out}`,
    );
    const folder = resultsFolder(out, job, engines.probe);
    const place = { host: hostname(), out, folder };
    await runQueue(client, job, engines, place, options, tally);
  } catch (error) {
    if (!(error instanceof JobGone)) throw error; // nothing is left to do, and it is not listed any more
  } finally {
    await engines.close();
  }
}

/** The first worker says what bits the network gives; all others must get the same. */
async function agree(client: Redis, job: Job, probe: string): Promise<void> {
  const first = await firstProbe(client, job, probe);
  if (first === probe) return;
  throw new FleetError(
    `job ${JSON.stringify(job.name)}: this machine's network gives other bits (${probe}) than the job's first worker (${first}), ` +
      "although the weights are the same; use the same version of resnet-ts on all machines",
    { code: "ERR_OTHER_MODEL" },
  );
}
