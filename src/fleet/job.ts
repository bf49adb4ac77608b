import { randomUUID } from "node:crypto";
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
  /** Made anew each time that a job is declared: one that was removed and submitted again is another. None in jobs of version 0.1.0. */
  readonly id: string | undefined;
  /** Known when all of it is submitted. */
  readonly pictures: number | undefined;
  readonly chunks: number | undefined;
  /** Hash of what the network makes of a certain picture; set by the first worker, demanded of all others. */
  readonly probe: string | undefined;
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

/** A job that is new begins with nothing: what workers of an older version recorded after it was removed is thrown away. */
const declareScript = `
if redis.call('HEXISTS', KEYS[1], 'format') == 1 then return redis.call('HGETALL', KEYS[1]) end
redis.call('DEL', KEYS[1], unpack(KEYS, 3))
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('ZADD', KEYS[2], 'NX', redis.call('TIME')[1], ARGV[1])
return {}
`;

/** A job as it was found or made. */
export type Declared = Pick<Job, "name" | "id" | "pictures" | "chunks">;

/**
 * Makes the job, or finds that it is there with the same settings.
 * @throws OtherSettingsError
 */
export async function declareJob(client: Redis, name: string, settings: Settings): Promise<Declared> {
  const wanted = toFields(settings);
  const id = randomUUID();
  const [key, ...others] = keysOf(name);
  const reply = (await client.eval(
    declareScript,
    2 + others.length,
    key!,
    jobsKey,
    ...others,
    name,
    ...Object.entries({ ...wanted, id }).flat(),
  )) as string[];
  if (reply.length === 0) return { name, id, pictures: undefined, chunks: undefined };
  const there = new Map<string, string>();
  for (let i = 0; i < reply.length; i += 2) there.set(reply[i]!, reply[i + 1]!);
  const differences = Object.entries(wanted)
    .filter(([setting, value]) => there.get(setting) !== value)
    .map(([setting, here]) => ({ setting, job: brief(there.get(setting) ?? "missing"), here: brief(here) }));
  if (differences.length > 0) throw new OtherSettingsError(name, differences);
  const number = (field: string): number | undefined => (there.has(field) ? Number(there.get(field)) : undefined);
  return { name, id: there.get("id"), pictures: number("pictures"), chunks: number("chunks") };
}

/** In scripts whose first key are the settings and whose first argument is the id: what is about a job that is gone changes nothing. */
const unlessGone = `
if redis.call('HEXISTS', KEYS[1], 'format') == 0 or (redis.call('HGET', KEYS[1], 'id') or '') ~= ARGV[1] then return 'gone' end
`;

/** The job was removed; it may have been submitted again since, which is another one. */
export class JobGone extends FleetError {
  constructor(name: string) {
    super(`job ${JSON.stringify(name)} was removed meanwhile`, { code: "ERR_NO_JOB" });
  }
}

/** Runs a script on a job, unless that is gone. @throws JobGone */
export async function ask(
  client: Redis,
  script: string,
  { name, id }: Pick<Job, "name" | "id">,
  others: readonly Part[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const keys = [keyOf(name, "settings"), ...others.map((part) => keyOf(name, part))];
  const reply = await client.eval(unlessGone + script, keys.length, ...keys, id ?? "", ...args);
  if (reply === "gone") throw new JobGone(name);
  return reply;
}

/** @throws JobGone */
export const checkThere = (client: Redis, job: Pick<Job, "name" | "id">): Promise<unknown> =>
  ask(client, "return false", job, [], []);

/** Says how large a job is, now that all of it is in the queue. @throws JobGone */
export const setSize = (client: Redis, job: Declared, pictures: number, chunks: number): Promise<unknown> =>
  ask(client, "redis.call('HSET', KEYS[1], 'pictures', ARGV[2], 'chunks', ARGV[3])", job, [], [pictures, chunks]);

/** The first worker's probe, which may be this one. @throws JobGone */
export const firstProbe = (client: Redis, job: Job, probe: string): Promise<string> =>
  ask(
    client,
    "redis.call('HSETNX', KEYS[1], 'probe', ARGV[2]) return redis.call('HGET', KEYS[1], 'probe')",
    job,
    [],
    [probe],
  ) as Promise<string>;

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
    id: fields.id,
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
