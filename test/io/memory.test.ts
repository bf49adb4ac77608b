import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { record } from "./support.ts";

// A checkpoint of 528 MB, somewhat more than wide_resnet101_2's, read tensor by tensor in a process of its own. The files are
// sparse, so they cost no disk.

const LARGEST = 1024 * 1024 * 9; // its largest convolutions have so many weights

function sparse(path: string, dtype: "F32" | "F16", size: number, count: number): void {
  const bytes = LARGEST * size;
  const entries = Array.from({ length: count }, (_, i) => {
    return [`t${i}`, { dtype, shape: [1024, 1024, 3, 3], data_offsets: [i * bytes, (i + 1) * bytes] }];
  });
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const file = openSync(path, "w");
  writeSync(file, record([json.length, 8]));
  writeSync(file, json);
  writeSync(file, new Uint8Array(1), 0, 1, 8 + json.length + count * bytes - 1);
  closeSync(file);
}

// VmHWM counts every page that is mapped, also those of the executable, which are the page cache's and come as its code is first
// used: compiling the loop that widens halves brings 6 MB of them with Node 24 and 26, 0.6 MB with Node 20. Those are taken off.
// Tensors after the first bring none, so that whatever reading one of them needs for a while is in the difference as a whole.
const child = `
import { readFileSync } from "node:fs";
import { loadCheckpoint } from ${JSON.stringify(new URL("../../src/io/checkpoint.js", import.meta.url).href)};
const peak = () => {
  const status = readFileSync("/proc/self/status", "utf8");
  const [most, mapped] = ["VmHWM", "RssFile"].map((field) => Number(new RegExp(field + ":\\\\s+(\\\\d+)").exec(status)[1]));
  return (most - mapped) * 1024;
};
const checkpoint = await loadCheckpoint(process.argv[1]);
const base = peak();
const values = new Float32Array(${LARGEST});
for (const tensor of checkpoint.values()) tensor.readInto(values);
process.stdout.write(String((peak() - base) / values.byteLength));
`;

for (const [dtype, size, count] of [
  ["F32", 4, 14],
  ["F16", 2, 7],
] as const) {
  test(`${dtype}: reading takes 1.1 times the largest tensor at most`, () => {
    if (process.platform !== "linux") return console.log("peak memory is only measured on Linux");
    const folder = mkdtempSync(join(tmpdir(), "resnet-ts-"));
    try {
      const path = join(folder, "large.safetensors");
      sparse(path, dtype, size, count);
      const run = spawnSync(process.execPath, ["--input-type=module", "-e", child, path], { encoding: "utf8" });
      assert.is(run.status, 0, run.stderr);
      assert.ok(Number(run.stdout) > 0.9 && Number(run.stdout) < 1.1, `took ${run.stdout} times`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test.run();
