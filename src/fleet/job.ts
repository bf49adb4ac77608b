import type { Redis } from "ioredis";
import { ArgumentError } from "../errors.ts";
import type { Preprocessing } from "../vision/presets.ts";
import { FleetError, OtherSettingsError } from "./errors.ts";

/** What every worker of a job must agree on. Stored when the job is first submitted, and never changed. */
export interface Settings {
  /** Of this list of settings. */
  readonly format: "1";
  readonly model: string;
  /** `"embedded"`, the name of published weights, a path, or an address. */
  readonly weights: string;
  /** SHA-256 of model, preprocessing and weights, see `hashModel`. */
  readonly hash: string;
  readonly what: "classify" | "embed";
  /** Classes in an answer. */
  readonly top: number;
  /** Pictures in a chunk. */
  readonly chunk: number;
  /** Tries before a picture that cannot be fetched is given up. */
  readonly attempts: number;
  readonly preprocessing: Preprocessing;
  /** Names of the classes as JSON, where they are not the usual ones. */
  readonly labels: string;
}

export interface Job extends Settings {
  readonly name: string;
  /** Known when all of it is submitted. */
  readonly pictures: number | undefined;
  readonly chunks: number | undefined;
  /** Hash of what the network makes of a certain picture; set by the first worker, demanded of all others. */
  readonly probe: string | undefined;
}

/** What was recorded when a chunk was done. */
export interface Done {
  readonly ok: number;
  readonly failed: number;
  /** SHA-256 of the chunk's file. */
  readonly sha256: string;
  readonly host: string;
  /** The output folder there. */
  readonly out: string;
  /** How often the chunk was submitted again. */
  readonly round: number;
}

/** BullMQ's keys and ours: braces keep each in one slot of a Redis cluster. */
export const queuePrefix = "{resnet-ts}";
const ours = "{resnet-ts-fleet}";

export const jobsKey = `${ours}:jobs`;
const parts = ["settings", "lists", "done", "totals", "recent", "failed"] as const;
type Part = (typeof parts)[number];

/** Key of a part of a job: settings, digests of its chunks' lists, chunks that are done, sums, recent pace, given-up pictures. */
export const keyOf = (name: string, part: Part): string => `${ours}:${name}:${part}`;
export const keysOf = (name: string): string[] => parts.map((part) => keyOf(name, part));

/** @throws ArgumentError */
export function checkName(name: string): void {
  // It is part of Redis keys and of paths.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    throw new ArgumentError(
      `a job's name is made of letters, digits, ".", "_" and "-", 100 at most, got ${JSON.stringify(name)}`,
    );
  }
}

const declareScript = `
local there = redis.call('HGETALL', KEYS[1])
if #there > 0 then return there end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('ZADD', KEYS[2], 'NX', redis.call('TIME')[1], ARGV[1])
return {}
`;

/**
 * Makes the job, or finds that it is there with the same settings.
 * @returns whether it is new
 * @throws OtherSettingsError
 */
export async function declareJob(client: Redis, name: string, settings: Settings): Promise<boolean> {
  const wanted = toFields(settings);
  const reply = (await client.eval(
    declareScript,
    2,
    keyOf(name, "settings"),
    jobsKey,
    name,
    ...Object.entries(wanted).flat(),
  )) as string[];
  if (reply.length === 0) return true;
  const there = new Map<string, string>();
  for (let i = 0; i < reply.length; i += 2) there.set(reply[i]!, reply[i + 1]!);
  const differences = Object.entries(wanted)
    .filter(([setting, value]) => there.get(setting) !== value)
    .map(([setting, here]) => ({ setting, job: brief(there.get(setting) ?? "missing"), here: brief(here) }));
  if (differences.length > 0) throw new OtherSettingsError(name, differences);
  return false;
}

const brief = (value: string): string => (value.length <= 90 ? value || "none" : `${value.slice(0, 80)}…`);

function toFields(settings: Settings): Record<string, string> {
  const { preprocessing, ...rest } = settings;
  const fields = Object.entries(rest).map(([key, value]) => [key, String(value)]);
  return Object.fromEntries([...fields, ["preprocessing", JSON.stringify(preprocessing)]]);
}

/** @throws FleetError where there is none */
export async function readJob(client: Redis, name: string): Promise<Job> {
  checkName(name);
  const fields = await client.hgetall(keyOf(name, "settings"));
  if (fields.format === undefined) {
    const known = await client.zrange(jobsKey, "0", "20");
    const list = known.length > 0 ? `there are ${known.join(", ")}` : "there is none yet";
    throw new FleetError(`there is no job ${JSON.stringify(name)} in this Redis; ${list}`, { code: "ERR_NO_JOB" });
  }
  if (fields.format !== "1") {
    throw new FleetError(`job ${JSON.stringify(name)} was made by another version of resnet-ts; update this one`);
  }
  const number = (key: string): number | undefined => (fields[key] === undefined ? undefined : Number(fields[key]));
  return {
    name,
    format: "1",
    model: fields.model!,
    weights: fields.weights!,
    hash: fields.hash!,
    what: fields.what === "embed" ? "embed" : "classify",
    top: Number(fields.top),
    chunk: Number(fields.chunk),
    attempts: Number(fields.attempts),
    preprocessing: JSON.parse(fields.preprocessing!) as Preprocessing,
    labels: fields.labels ?? "",
    pictures: number("pictures"),
    chunks: number("chunks"),
    probe: fields.probe,
  };
}

const recordScript = `
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return redis.call('HGET', KEYS[1], ARGV[1]) end
redis.call('HINCRBY', KEYS[2], 'chunks', 1)
redis.call('HINCRBY', KEYS[2], 'ok', ARGV[3])
redis.call('HINCRBY', KEYS[2], 'failed', ARGV[4])
local now = redis.call('TIME')
redis.call('LPUSH', KEYS[3], (now[1] + now[2] / 1e6) .. ' ' .. (ARGV[3] + ARGV[4]))
redis.call('LTRIM', KEYS[3], 0, 999)
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
return false
`;

/** A picture that was given up. */
export interface FailedPicture {
  readonly file: string;
  readonly reason: string;
  readonly attempts: number;
}

/**
 * Records a chunk as done, once: the first record stays, and sums are raised with it.
 * @returns the record that was there before, if any
 */
export async function recordChunk(
  client: Redis,
  name: string,
  chunk: number,
  done: Done,
  failed: ReadonlyMap<number, FailedPicture>,
): Promise<Done | undefined> {
  const keys = (["done", "totals", "recent", "failed"] as const).map((part) => keyOf(name, part));
  const before = (await client.eval(
    recordScript,
    keys.length,
    ...keys,
    chunk,
    formatDone(done),
    done.ok,
    done.failed,
    ...[...failed].flatMap(([at, picture]) => [`${chunk}:${at}`, JSON.stringify(picture)]),
  )) as string | null;
  return before === null ? undefined : parseDone(before);
}

export const formatDone = ({ ok, failed, sha256, host, out, round }: Done): string =>
  JSON.stringify([ok, failed, sha256, host, out, round]);

export function parseDone(text: string): Done {
  const [ok, failed, sha256, host, out, round] = JSON.parse(text) as [number, number, string, string, string, number];
  return { ok, failed, sha256, host, out, round };
}

const forgetScript = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HINCRBY', KEYS[2], 'chunks', -1)
redis.call('HINCRBY', KEYS[2], 'ok', ARGV[3])
redis.call('HINCRBY', KEYS[2], 'failed', ARGV[4])
for i = 0, ARGV[5] - 1 do redis.call('HDEL', KEYS[3], ARGV[1] .. ':' .. i) end
return 1
`;

/** Takes a chunk's record back, and what it added to the sums. */
export async function forgetChunk(client: Redis, name: string, chunk: number, done: Done): Promise<void> {
  const keys = (["done", "totals", "failed"] as const).map((part) => keyOf(name, part));
  const { ok, failed } = done;
  await client.eval(forgetScript, keys.length, ...keys, chunk, formatDone(done), -ok, -failed, ok + failed);
}

/** The records of the chunks from `from` to `to - 1`. */
export async function readDone(client: Redis, name: string, from: number, to: number): Promise<(Done | undefined)[]> {
  if (to <= from) return [];
  const fields = Array.from({ length: to - from }, (_, i) => String(from + i));
  const values = await client.hmget(keyOf(name, "done"), ...fields);
  return values.map((value) => (value === null ? undefined : parseDone(value)));
}
