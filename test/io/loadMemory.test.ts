import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wideResnet101_2 } from "../../src/models/imagenet.ts";
import { numel } from "../../src/tensor/shape.ts";
import { record } from "./support.ts";

// The largest network of the family, 508 MB of weights, loaded by a process of its own: its memory at the peak, everything counted
// (Node, kernels, the network), beside the size of the file. The file is sparse and costs no disk.

/** Of the file's size: one copy, and what Node and one tensor at a time need. Two copies would be over 2. */
const most = 1.6;

function checkpoint(path: string): void {
  let at = 0;
  const entries: Record<string, object> = {};
  for (const [name, { shape }] of wideResnet101_2({ init: "empty" }).stateDict()) {
    const bytes = 4 * numel(shape);
    entries[name] = { dtype: "F32", shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(entries));
  const file = openSync(path, "w");
  writeSync(file, record([json.length, 8]));
  writeSync(file, json);
  writeSync(file, new Uint8Array(1), 0, 1, 8 + json.length + at - 1);
  closeSync(file);
}

const url = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
const child = `
import { readFileSync } from "node:fs";
import { init } from ${url("init.js")};
import { loadCheckpoint } from ${url("io/checkpoint.js")};
import { wideResnet101_2 } from ${url("models/imagenet.js")};
await init();
const net = wideResnet101_2({ init: "empty" });
net.loadStateDict(await loadCheckpoint(process.argv[1]));
if (net.fc.weight.dataSync().length !== 2048000) throw new Error("not loaded");
process.stdout.write(String(Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024));
`;

test("a checkpoint of 508 MB is never in memory twice", () => {
  if (process.platform !== "linux") return console.log("peak memory is only measured on Linux");
  const folder = mkdtempSync(join(tmpdir(), "resnet-ts-"));
  try {
    const path = join(folder, "wide_resnet101_2.safetensors");
    checkpoint(path);
    const run = spawnSync(process.execPath, ["--input-type=module", "-e", child, path], { encoding: "utf8" });
    assert.is(run.status, 0, run.stderr);
    const share = Number(run.stdout) / statSync(path).size;
    console.log(
      `  ${(statSync(path).size / 1e6).toFixed(0)} MB loaded with ${share.toFixed(2)} times that at the peak`,
    );
    assert.ok(share > 1 && share < most, `took ${share} times the file`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
