import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { info, init } from "../../src/index.ts";
import { createModel } from "../../src/models/registry.ts";
import { estimateMemory } from "../../src/train/memory.ts";
import { trainingStep } from "./step.ts";

/** What a run of `bench:train` found. */
export interface Found {
  readonly model: string;
  readonly batch: number;
  readonly threads: number;
  readonly clock: string;
  readonly ours: readonly number[];
  readonly torch: readonly (readonly [name: string, times: readonly number[]])[];
  readonly version: string;
  readonly reserved: number;
}

const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
const best = (times: readonly number[]) => Math.min(...times);

/** One step of cifarResnet20 by TensorFlow.js in plain JavaScript; undefined where it is not installed in bench/. */
function tfjs(batch: number): { version: string; ms: number } | undefined {
  const script = fileURLToPath(new URL("../../../bench/train/tfjs_step.js", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "resnet-ts-tfjs-"));
  const outfile = join(folder, "step.mjs");
  try {
    const mainFields = ["module", "main"];
    const banner = {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    };
    buildSync({
      entryPoints: [script],
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      mainFields,
      banner,
      logLevel: "silent",
    });
  } catch (error) {
    console.error(`TensorFlow.js is not timed: ${String(error).split("\n")[1] ?? error}`);
    return undefined;
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [outfile, "20", `${batch}`], { encoding: "utf8" });
  rmSync(folder, { recursive: true, force: true });
  if (status === 0) return JSON.parse(stdout.trim().split("\n").pop() ?? "") as { version: string; ms: number };
  console.error(
    `TensorFlow.js is not timed: ${
      stderr
        .trim()
        .split("\n")
        .find((l) => /Error/.test(l)) ?? "no answer"
    }`,
  );
  return undefined;
}

/** Milliseconds and linear memory of a step of ResNet-50 at 224x224 on a new backend. */
async function large(batch: number, threads: number): Promise<{ ms: number; reserved: number; estimate: number }> {
  await init({ backend: "wasm", threads });
  const net = createModel("resnet50", { init: "empty" });
  const estimate = estimateMemory(net, [batch, 3, 224, 224]).total;
  net.dispose();
  const step = trainingStep("resnet50", batch);
  step.run();
  const started = performance.now();
  step.run();
  const ms = performance.now() - started;
  const { reserved } = info().memory;
  step.dispose();
  return { ms, reserved, estimate };
}

/** Best step on one and on two threads, by processes of their own in turns; undefined where there is one core. */
function threadsInTurns(model: string, batch: number): { one: number; two: number } | undefined {
  if (cpus().length < 2) return undefined;
  const script = fileURLToPath(new URL("main.js", import.meta.url));
  const times = (threads: number): readonly number[] => {
    const options = ["--model", model, "--batch", `${batch}`, "--threads", `${threads}`, "--no-torch", "--json"];
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...options], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${script} --threads ${threads} ended with ${status}\n${stderr}`);
    return (JSON.parse(stdout) as { ours: number[] }).ours;
  };
  const turns = [0, 1, 2].map(() => [best(times(1)), best(times(2))] as const);
  return { one: best(turns.map(([one]) => one)), two: best(turns.map(([, two]) => two)) };
}

/** Writes bench/TRAIN.md. */
export async function writeTable(found: Found): Promise<void> {
  const { model, batch, threads, clock, ours, torch, version, reserved } = found;
  const row = (engine: string, n: number, ms: number, memory: string) => {
    const each = ms / n;
    const share = `${(each / (best(ours) / batch)).toFixed(each > (best(ours) / batch) * 10 ? 0 : 2)}x`;
    return `| ${engine} | ${n} | ${ms.toFixed(0)} ms | ${(1000 / each).toFixed(each > 100 ? 2 : 0)} | ${share} | ${memory} |`;
  };
  const peer = model === "cifar_resnet20" ? tfjs(8) : undefined;
  const big = await large(8, threads);
  const team = threadsInTurns(model, batch);
  const lines = [
    row("resnet-ts", batch, best(ours), mb(reserved)),
    ...torch.map(([name, times]) => row(`${name} ${version}`, batch, best(times), "")),
    ...(peer ? [row(`tfjs-backend-cpu ${peer.version}`, 8, peer.ms, "")] : []),
  ];
  const text = `# Training steps

Made by \`npm run bench:train -- --steps ${ours.length} --write\` on ${cpus()[0]?.model ?? "an unknown processor"} (${cpus().length} cores), Node ${process.versions.node}: forward, backward and SGD
with momentum, strict mode, ${threads} thread${threads > 1 ? "s" : ""}, ${clock} time, best of ${ours.length} steps in turns (TensorFlow.js: one step). Times are relative to ours per picture; memory is
the linear memory of WebAssembly after the steps.

| ${model} | batch | a step | images/s | time for a picture | memory |
|---|---|---|---|---|---|
${lines.join("\n")}

ResNet-50 at 224x224, batch 8, ${threads} thread${threads > 1 ? "s" : ""}: a step takes ${(big.ms / 1000).toFixed(1)} s (${(8000 / big.ms).toFixed(2)} images/s) and ${mb(big.reserved)} of linear memory
(wanted: at most 3,500 MB; said before the first step: ${mb(big.estimate)}).
${team ? `\nTwo threads, in turns with one (three processes of ten steps each): ${team.one.toFixed(0)} ms and ${team.two.toFixed(0)} ms a step, so ${(team.one / team.two).toFixed(2)}x (wanted: at least 1.75x).\n` : ""}${peer ? `\nTensorFlow.js in plain JavaScript takes ${(peer.ms / 8 / (best(ours) / batch)).toFixed(0)} times our time for a picture (wanted: at least 100).\n` : ""}`;
  writeFileSync(fileURLToPath(new URL("../../../bench/TRAIN.md", import.meta.url)), text);
  console.log(text);
}
