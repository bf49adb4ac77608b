import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { ResNetError } from "../../src/errors.ts";
import type { Checkpoint } from "../../src/io/stateDict.ts";
import { repoRoot } from "../support/shared.ts";

export const golden = (name: string): string => join(repoRoot, "test/golden/checkpoints", name);
export const goldenBytes = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(golden(name)));

type Expected = Record<string, { dtype: string; shape: number[]; values: number[] }>;
export const goldenJson = <T = Expected>(name: string): T => JSON.parse(readFileSync(golden(name), "utf8")) as T;

/** The same names in the same order, the same types and shapes, and every value to the last bit. */
export function assertTensors(checkpoint: Checkpoint, expected: Expected): void {
  assert.equal([...checkpoint.keys()].sort(), Object.keys(expected).sort());
  for (const [name, tensor] of checkpoint) {
    const want = expected[name]!;
    assert.is(tensor.dtype, want.dtype, name);
    assert.equal([...tensor.shape], want.shape, name);
    assert.equal([...tensor.read()], [...Float32Array.from(want.values)], name);
  }
}

/** The error of a promise that must fail, which must be one of ours. */
export async function failure(promise: Promise<unknown>): Promise<ResNetError> {
  const error = await promise.then(
    () => assert.unreachable("should have been refused"),
    (cause: unknown) => cause,
  );
  if (!(error instanceof ResNetError)) throw error;
  return error;
}

/** A zip file of stored members. */
export function zipOf(members: Readonly<Record<string, Uint8Array>>): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, data] of Object.entries(members)) {
    const text = encoder.encode(name);
    const size = data.length;
    // version, flags, method, time, date, crc, packed and unpacked size, lengths of the name and the extra field
    const common = [20, 2, 0, 2, 0, 2, 0, 2, 0, 2, 0, 4, size, 4, size, 4, text.length, 2, 0, 2];
    const local = record([0x04034b50, 4], common);
    directory.push(record([0x02014b50, 4, 20, 2], common, [0, 2, 0, 2, 0, 2, 0, 4, at, 4]), text);
    parts.push(local, text, data);
    at += local.length + text.length + data.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = Object.keys(members).length;
  return concat([
    ...parts,
    ...directory,
    record([0x06054b50, 4, 0, 2, 0, 2, count, 2, count, 2, size, 4, at, 4, 0, 2]),
  ]);
}

/** Value, width, value, width, ... as little-endian bytes. */
export function record(...lists: number[][]): Uint8Array {
  const list = lists.flat();
  const bytes: number[] = [];
  for (let i = 0; i < list.length; i += 2) {
    for (let b = 0; b < list[i + 1]!; b++) bytes.push(Math.floor(list[i]! / 256 ** b) % 256);
  }
  return Uint8Array.from(bytes);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** Milliseconds of processor time so far: unlike the clock's, not longer because the machine is busy with others. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
