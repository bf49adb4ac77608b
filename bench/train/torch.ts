import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Clock } from "../measure.ts";

/** PyTorch's training step in a process of its own, timed in turns with ours. */
export interface TorchStep {
  readonly version: string;
  /** Milliseconds of each step. */
  times(steps: number): Promise<number[]>;
  stop(): void;
}

export interface TorchSettings {
  readonly model: string;
  readonly batch: number;
  readonly layout: "channels-last" | "channels-first";
  readonly threads: number;
  readonly clock: Clock;
}

/** Starts python3 with PyTorch; undefined, with the reason on standard error, where that cannot be. */
export async function startTorch(settings: TorchSettings): Promise<TorchStep | undefined> {
  const { model, batch, layout, threads, clock } = settings;
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...env } = process.env;
  const script = fileURLToPath(new URL("../../../bench/train/torch_step.py", import.meta.url));
  const child = spawn("/usr/bin/python3", [script, model, String(batch), layout, clock], {
    env: { ...env, OMP_NUM_THREADS: String(threads) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const errors: string[] = [];
  child.stderr.on("data", (data: Buffer) => errors.push(data.toString()));
  child.on("error", (error) => errors.push(error.message));
  const first = await answer(lines, child);
  if (first === undefined) {
    console.error(`PyTorch is not timed: ${errors.join("").trim().split("\n").pop() ?? "python3 gave no answer"}`);
    return undefined;
  }
  return {
    version: first.version ?? "",
    async times(steps) {
      child.stdin.write(`${steps}\n`);
      return (await answer(lines, child))?.times ?? [];
    },
    stop: () => child.stdin.end(),
  };
}

async function answer(
  lines: AsyncIterator<string>,
  child: ChildProcessWithoutNullStreams,
): Promise<{ version?: string; times?: number[] } | undefined> {
  const { value, done } = await lines.next();
  if (done || child.exitCode) return undefined;
  return JSON.parse(value) as { version?: string; times?: number[] };
}
