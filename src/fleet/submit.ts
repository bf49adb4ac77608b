import { resolve } from "node:path";
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { ArgumentError } from "../errors.ts";
import type { FetchWeightsOptions } from "../pretrained.ts";
import type { Labels } from "../vision/labels/labels.ts";
import { isWeightsName } from "../weights.ts";
import { sha256, usualTop } from "./chunkFile.ts";
import { FleetError } from "./errors.ts";
import {
  checkName,
  checkThere,
  type Declared,
  declareJob,
  JobGone,
  keyOf,
  queuePrefix,
  type Settings,
  setSize,
} from "./job.ts";
import { hashModel, openWeights, preprocessingOf, resolveModel } from "./model.ts";
import { loadBullMq } from "./packages.ts";
import { type Done, forgetChunk, readDone } from "./records.ts";
import { connect, explainRefusal } from "./redis.ts";
import { references } from "./references.ts";

/** Which pictures, for which network, in which chunks. */
export interface SubmitOptions {
  /** Name of the job. */
  readonly job: string;
  /** Folders, patterns, lists, `s3://bucket/prefix/`, single pictures; `-` reads a list from standard input. */
  readonly inputs: readonly string[];
  /** redis://[:password@]host:port[/database]; `redis://127.0.0.1:6379` by default. */
  readonly redis?: string;
  /** `cifar_resnet20` by default. */
  readonly model?: string;
  /** As for `createClassifier`, but no bytes: a name, a path or an address that workers can read as well. */
  readonly weights?: string;
  /** Feature vectors instead of classes. */
  readonly embed?: boolean;
  /** Classes in an answer; 5 by default. */
  readonly top?: number;
  /** Pictures in a chunk; 64 by default, 256 for networks of small pictures. */
  readonly chunk?: number;
  /** Tries before a picture that cannot be fetched is given up; 5 by default. */
  readonly attempts?: number;
  /** Of a job that was submitted before: try again the pictures that were given up, and the chunks that failed. */
  readonly again?: boolean;
  readonly labels?: Labels;
  readonly fetch?: FetchWeightsOptions;
  /** Called with sentences for people: a connection that was lost, references that were submitted before. */
  readonly onNote?: (note: string) => void;
  /** Called with the number of references that are in the queue. */
  readonly onProgress?: (pictures: number) => void;
}

/** What was put into the queue. */
export interface Submitted {
  readonly job: string;
  readonly hash: string;
  readonly pictures: number;
  readonly chunks: number;
  /** Chunks that were not in the queue before. */
  readonly added: number;
}

/** What a chunk's job in the queue carries. */
export interface ChunkData {
  readonly chunk: number;
  readonly references: readonly string[];
  /** How often it was submitted again; 0 when left out. */
  readonly round?: number;
}

/** References on their way to Redis at a time. */
const GROUP = 4096;

/**
 * Queues the pictures. References are passed on as they come: a million need no more memory than a thousand. A job that was
 * submitted before is continued where that stopped, and does not change when it was complete.
 * @throws OtherSettingsError, FleetError, FileAccessError
 */
export async function submit(options: SubmitOptions): Promise<Submitted> {
  const { job, inputs, onNote } = options;
  checkName(job);
  if (inputs.length === 0) throw new ArgumentError("submit needs a folder, a pattern, a list or a picture");
  const { Queue } = await loadBullMq();
  const settings = await makeSettings(options);
  const client = await connect(options.redis, onNote === undefined ? {} : { onNote });
  const queue = new Queue<ChunkData>(job, { connection: client, prefix: queuePrefix, skipVersionCheck: true });
  queue.on("error", () => {}); // of the connection, which is followed elsewhere
  try {
    return await fill(client, queue, settings, references(inputs), options);
  } catch (error) {
    if (!(error instanceof JobGone)) throw explainRefusal(error);
    throw new FleetError(`${error.message}; submit it again`, { code: "ERR_NO_JOB", cause: error });
  } finally {
    await queue.close();
    client.disconnect();
  }
}

/** The settings that a submission asks for; weights are read to know their hash. */
async function makeSettings(options: SubmitOptions): Promise<Settings> {
  const reference = resolveModel(options.model ?? "cifar_resnet20", options.weights);
  const { model } = reference;
  const checkpoint = await openWeights(reference, options.fetch);
  const preprocessing = preprocessingOf(reference, checkpoint);
  const hash = hashModel(model, preprocessing, checkpoint);
  const isSmall = (preprocessing.crop?.[0] ?? 224) <= 64;
  const isPath =
    reference.weights !== "embedded" && !isWeightsName(reference.weights) && !/^\w+:\/\//.test(reference.weights);
  return {
    format: "1",
    model,
    weights: isPath ? resolve(reference.weights) : reference.weights,
    hash,
    what: options.embed ? "embed" : "classify",
    top: whole("top", options.top ?? usualTop),
    chunk: whole("chunk", options.chunk ?? (isSmall ? 256 : 64)),
    attempts: whole("attempts", options.attempts ?? 5),
    preprocessing,
    labels: options.labels === undefined ? "" : JSON.stringify(options.labels),
  };
}

function whole(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 100_000) {
    throw new ArgumentError(`${name} must be a whole number from 1 to 100000, got ${value}`);
  }
  return value;
}

async function fill(
  client: Redis,
  queue: Queue<ChunkData>,
  settings: Settings,
  pictures: AsyncIterable<string>,
  { onProgress, again = false }: Pick<SubmitOptions, "onProgress" | "again">,
): Promise<Submitted> {
  const { chunk: size, hash } = settings;
  const name = queue.name;
  let chunks = 0;
  let count = 0;
  let added = 0;
  let group: ChunkData[] = [];
  let open: string[] = [];
  // A job is declared with its first chunks: where there are none, because a path is wrong, no job stands in the workers' way.
  let job = undefined as Declared | undefined;
  const close = (): void => {
    if (open.length > 0) group.push({ chunk: chunks++, references: open });
    open = [];
  };
  const flush = async (): Promise<void> => {
    if (group.length > 0) {
      job ??= await declareJob(client, name, settings);
      if (job.chunks !== undefined && chunks > job.chunks)
        throw otherPictures(name, `had ${job.pictures} pictures, and now has more`);
      added += await addChunks(client, queue, job, settings, group, again);
    }
    group = [];
    onProgress?.(count);
  };
  for await (const picture of pictures) {
    open.push(picture);
    count++;
    if (open.length === size) close();
    if (count % GROUP === 0 && group.length > 0) await flush();
  }
  close();
  await flush();
  if (job === undefined) throw new FleetError(`job ${JSON.stringify(name)}: there are no pictures in what was given`);
  const { pictures: before = count } = job;
  if (before !== count) throw otherPictures(name, `had ${before} pictures, and now ${count}`);
  await setSize(client, job, count, chunks);
  return { job: name, hash, pictures: count, chunks, added };
}

/** Adds what is neither queued nor done. Digests of the lists tell a continued submission from one of other pictures. */
async function addChunks(
  client: Redis,
  queue: Queue<ChunkData>,
  job: Declared,
  { attempts }: Settings,
  group: readonly ChunkData[],
  again: boolean,
): Promise<number> {
  await checkThere(client, job);
  const digests = group.map(({ references: list }) => sha256(list.join("\n")).slice(0, 24));
  const fields = group.map(({ chunk }) => String(chunk));
  const listed = await client.hmget(keyOf(queue.name, "lists"), ...fields);
  for (const [i, before] of listed.entries()) {
    if (before === null || before === digests[i]) continue;
    const { chunk, references: list } = group[i]!;
    throw otherPictures(queue.name, `has other pictures in chunk ${chunk}, which here begins with ${list[0]}`);
  }
  const done = await readDone(client, queue.name, group[0]!.chunk, group[0]!.chunk + group.length);
  const wanted = group.filter((_, i) => done[i] === undefined);
  const fresh = group.flatMap(({ chunk }, i) => (listed[i] === null ? [String(chunk), digests[i]!] : []));
  if (fresh.length > 0) await client.hset(keyOf(queue.name, "lists"), ...fresh);
  const repeated = again ? await takeBack(client, queue, group, done) : [];
  await queue.addBulk(
    [...wanted, ...repeated].map((data) => ({
      name: "chunk",
      data,
      opts: {
        jobId: idOf(data),
        attempts,
        backoff: { type: "exponential", delay: 1000, jitter: 0.5 },
        removeOnComplete: true,
        removeOnFail: false,
      },
    })),
  );
  return fresh.length / 2 + repeated.length;
}

/** Chunks in which pictures were given up, for another round; chunks that failed as a whole leave the queue, to be queued anew. */
async function takeBack(
  client: Redis,
  queue: Queue<ChunkData>,
  group: readonly ChunkData[],
  done: readonly (Done | undefined)[],
): Promise<ChunkData[]> {
  const repeated: ChunkData[] = [];
  for (const [i, data] of group.entries()) {
    const record = done[i];
    if (record !== undefined && record.failed > 0) {
      await forgetChunk(client, queue.name, data.chunk, record);
      repeated.push({ ...data, round: record.round + 1 });
    } else if (record === undefined) {
      const there = await queue.getJob(idOf(data));
      if (there !== undefined && (await there.isFailed())) await there.remove();
    }
  }
  return repeated;
}

/** The queue ignores an id that it has. */
const idOf = ({ chunk }: ChunkData): string => `chunk-${chunk}`;

const otherPictures = (name: string, how: string): FleetError =>
  new FleetError(
    `job ${JSON.stringify(name)} exists and ${how}: the list has changed since it was submitted; choose another name`,
    { code: "ERR_OTHER_PICTURES" },
  );
