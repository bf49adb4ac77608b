import { readdirSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ResNetError } from "../../src/errors.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { concat, cpuTime, golden, goldenBytes } from "./support.ts";

// Damaged files: whatever happens to the bytes, the outcome is a checkpoint whose tensors can be read, or an error
// of ours; soon, and without memory that stays behind.
//   RESNET_TS_SEED=random and RESNET_TS_RUNS=100000 look further.

const seed = process.env.RESNET_TS_SEED === "random" ? Date.now() : 20261124;
const runs = Number(process.env.RESNET_TS_RUNS ?? 700);
const MAX_MILLISECONDS = 3000;

type Mutation = (bytes: Uint8Array) => Uint8Array;

/** Most places are near the start or the end, where all formats have their structure. */
const place = fc.tuple(
  fc.constantFrom("start", "end", "anywhere"),
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
);
const at = (bytes: Uint8Array, [where, fraction]: [string, number]): number => {
  const reach = where === "anywhere" ? bytes.length : Math.min(bytes.length, 400);
  const offset = Math.floor(fraction * reach);
  return where === "end" ? bytes.length - 1 - offset : offset;
};

const numbers = [
  0n,
  1n,
  2n,
  255n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const text = [
  "9".repeat(20),
  "1e308",
  "-1",
  "\u0000",
  '"',
  "}",
  "{",
  "[",
  "F16",
  "I64",
  "(",
  "0h",
  "q\x00",
  ".",
  "u",
  "e",
  "R",
  "b",
  "Q",
];

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.integer({ min: 0, max: 255 })).map(
    ([p, value]): Mutation =>
      (bytes) => {
        const copy = bytes.slice();
        if (copy.length > 0) copy[at(copy, p)] = value;
        return copy;
      },
  ),
  fc.tuple(place, fc.integer({ min: 0, max: 7 })).map(
    ([p, bit]): Mutation =>
      (bytes) => {
        const copy = bytes.slice();
        if (copy.length > 0) copy[at(copy, p)]! ^= 1 << bit;
        return copy;
      },
  ),
  fc.tuple(place, fc.constantFrom(...numbers), fc.constantFrom(1, 2, 4, 8)).map(
    ([p, value, width]): Mutation =>
      (bytes) => {
        const copy = bytes.slice();
        const start = at(copy, p);
        for (let i = 0; i < width && start + i < copy.length; i++)
          copy[start + i] = Number((value >> BigInt(8 * i)) & 255n);
        return copy;
      },
  ),
  place.map(
    (p): Mutation =>
      (bytes) =>
        bytes.slice(0, at(bytes, p)),
  ),
  fc.tuple(place, place).map(
    ([p, q]): Mutation =>
      (bytes) => {
        const [from, to] = [at(bytes, p), at(bytes, q)].sort((a, b) => a - b) as [number, number];
        return concat([bytes.subarray(0, from), bytes.subarray(to)]);
      },
  ),
  fc.tuple(place, place, fc.integer({ min: 1, max: 40 })).map(
    ([p, q, length]): Mutation =>
      (bytes) => {
        const [from, to] = [at(bytes, p), at(bytes, q)];
        return concat([bytes.subarray(0, to), bytes.subarray(from, from + length), bytes.subarray(to)]);
      },
  ),
  fc.tuple(place, fc.constantFrom(...text)).map(
    ([p, piece]): Mutation =>
      (bytes) => {
        const start = at(bytes, p);
        return concat([bytes.subarray(0, start), new TextEncoder().encode(piece), bytes.subarray(start)]);
      },
  ),
);

function collectGarbage(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().arrayBuffers;
}

const outcomes = { loaded: 0, refused: 0 };

/** Loads, reads every tensor, and lets only errors of ours pass. */
async function tryOut(bytes: Uint8Array): Promise<void> {
  const start = cpuTime();
  try {
    const checkpoint = await loadCheckpoint(bytes, { name: "damaged" });
    let read = 0;
    for (const tensor of checkpoint.values()) {
      const count = tensor.shape.reduce((a, b) => a * b, 1);
      assert.ok(count <= 1 << 24, `a tensor of shape ${tensor.shape} from ${bytes.length} bytes`);
      read += count;
      if (read < 1 << 24) assert.is(tensor.read().length, count);
    }
    outcomes.loaded++;
  } catch (error) {
    if (!(error instanceof ResNetError)) throw error;
    assert.match(error.message, /^damaged: /);
    assert.ok(error.message.length < 2000, "an error message as long as the file");
    outcomes.refused++;
  }
  const elapsed = cpuTime() - start;
  assert.ok(elapsed < MAX_MILLISECONDS, `took ${elapsed} ms`);
}

const families: Record<string, string[]> = {
  safetensors: ["plain.safetensors"],
  zip: ["mixed.pth", "nested.pth", "mixed-protocol4.pth", "mixed-deflated.pth", "mixed-bigendian.pth"],
  legacy: ["mixed-legacy.pth", "nested-legacy.pth", "mixed-legacy-protocol4.pth"],
};

for (const [family, files] of Object.entries(families)) {
  test(`${runs} damaged ${family} files`, async () => {
    const originals = files.map(goldenBytes);
    const before = collectGarbage();
    outcomes.loaded = outcomes.refused = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...originals),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        async (original, mutations) => {
          await tryOut(mutations.reduce((bytes, mutate) => mutate(bytes), original as Uint8Array));
        },
      ),
      { numRuns: runs, seed },
    );
    // Neither all nothing: else the mutations miss the structure, or the reader the damage.
    assert.ok(outcomes.loaded > 0 && outcomes.refused > runs / 4, JSON.stringify(outcomes));
    const kept = collectGarbage() - before;
    assert.ok(kept < 4 << 20, `${kept} bytes are still held`);
  });
}

test("no descriptor stays open, neither of good files nor of bad ones", async () => {
  const open = () => readdirSync("/proc/self/fd").length;
  if (process.platform !== "linux") return;
  const before = open();
  for (const file of readdirSync(golden("."))) {
    const checkpoint = await loadCheckpoint(golden(file)).catch(() => undefined);
    for (const tensor of checkpoint?.values() ?? []) tensor.read();
  }
  assert.is(open(), before);
});

test.run();
