import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createClassifier } from "../../src/createClassifier.ts";
import { hashModel, openWeights, preprocessingOf, resolveModel } from "../../src/fleet/model.ts";
import { toImage } from "../../src/vision/toImage.ts";
import { topK } from "../../src/vision/topk.ts";
import { repoRoot } from "./shared.ts";

const main = join(repoRoot, "build/src/cli/main.js");

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A fleet command that runs: what it said so far, and how it ends. */
export class Running {
  readonly child: ChildProcess;
  out = "";
  err = "";
  readonly ended: Promise<Ran>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, wrap: readonly string[] = []) {
    const { DEBUG: _, REDIS_URL: __, ...rest } = process.env;
    const [command, ...words] = [...wrap, process.execPath, main, "fleet", ...args];
    this.child = spawn(command!, words, { env: { ...rest, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
    });
    this.ended = once(this.child, "close").then(([code]) => ({
      code: code as number | null,
      out: this.out,
      err: this.err,
    }));
  }

  /** Until it has said something on standard error. */
  async says(what: RegExp): Promise<void> {
    while (!what.test(this.err)) {
      if (this.child.exitCode !== null) throw new Error(`ended without saying ${what}: ${this.err}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<Ran> {
    this.child.kill(signal);
    return this.ended;
  }
}

export const fleet = (...args: string[]): Promise<Ran> => new Running(args).ended;

/**
 * The lines that a plain loop gives for pictures, in one process, without queue, chunks and engines: the library's own classifier
 * in batches of another size.
 */
export async function plainLoop(files: readonly string[], batch = 10): Promise<string[]> {
  const reference = resolveModel("cifar_resnet20", undefined);
  const hash = hashModel(reference.model, preprocessingOf(reference), await openWeights(reference)).slice(0, 16);
  const classifier = await createClassifier("cifar_resnet20");
  const lines: string[] = [];
  for (let at = 0; at < files.length; at += batch) {
    const group = files.slice(at, at + batch);
    const logits = await classifier.logits(await Promise.all(group.map((file) => toImage(file))));
    for (const [i, file] of group.entries()) {
      const row = logits.slice(i * classifier.numClasses, (i + 1) * classifier.numClasses);
      const bits = createHash("sha256").update(new Uint8Array(row.buffer)).digest("hex").slice(0, 32);
      lines.push(JSON.stringify({ file, model: "cifar_resnet20", hash, top: topK(row, 5, classifier.labels), bits }));
    }
  }
  classifier.dispose();
  return lines;
}
