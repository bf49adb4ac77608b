import type { Redis } from "ioredis";
import { ask, type Job, keyOf } from "./job.ts";

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

const recordScript = `
if redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3]) == 0 then return redis.call('HGET', KEYS[2], ARGV[2]) end
redis.call('HINCRBY', KEYS[3], 'chunks', 1)
redis.call('HINCRBY', KEYS[3], 'ok', ARGV[4])
redis.call('HINCRBY', KEYS[3], 'failed', ARGV[5])
local now = redis.call('TIME')
redis.call('LPUSH', KEYS[4], (now[1] + now[2] / 1e6) .. ' ' .. (ARGV[4] + ARGV[5]))
redis.call('LTRIM', KEYS[4], 0, 999)
for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 1]) end
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
 * @throws JobGone
 */
export async function recordChunk(
  client: Redis,
  job: Job,
  chunk: number,
  done: Done,
  failed: ReadonlyMap<number, FailedPicture>,
): Promise<Done | undefined> {
  const pictures = [...failed].flatMap(([at, picture]) => [`${chunk}:${at}`, JSON.stringify(picture)]);
  const before = (await ask(
    client,
    recordScript,
    job,
    ["done", "totals", "recent", "failed"],
    [chunk, formatDone(done), done.ok, done.failed, ...pictures],
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
