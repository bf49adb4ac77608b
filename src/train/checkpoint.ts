import { ArgumentError, FileFormatError } from "../errors.ts";
import { type SavableTensor, saveSafetensors } from "../io/saveSafetensors.ts";
import type { Checkpoint, CheckpointTensor } from "../io/stateDict.ts";
import type { Module } from "../nn/module.ts";
import { getRngState, setRngState } from "../tensor/random.ts";
import type { Ema } from "./ema.ts";
import type { Optimizer } from "./optimizer.ts";

/** One epoch in numbers, as in log.jsonl. */
export interface EpochLine {
  /** From 1. */
  readonly epoch: number;
  /** Of the last step. */
  readonly lr: number;
  /** Mean over the (augmented) pictures as they passed. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly testLoss?: number;
  readonly testAccuracy?: number;
  readonly seconds: number;
}

/** Where a run stands. */
export interface Progress {
  /** Epochs that are over. */
  readonly epoch: number;
  /** Batches of the present epoch that are over. */
  readonly batch: number;
  readonly lossSum: number;
  readonly correct: number;
  readonly seen: number;
  readonly history: readonly EpochLine[];
}

/** What must be the same when a run goes on. */
export type Settings = Readonly<Record<string, unknown>>;

interface Saved {
  readonly format: number;
  readonly steps: number;
  /** Updates of parameters that were not updated at every step; missing where there are none. */
  readonly fewerUpdates?: Readonly<Record<string, number>>;
  readonly progress: Progress;
  readonly settings: Settings;
}

/** Changes with every change of the file that older readers would misread. */
const FORMAT = 1;
const KEY = "resnet-ts.training";

export interface Run {
  readonly net: Module;
  readonly optimizer: Optimizer;
  readonly ema: Ema | undefined;
  readonly settings: Settings;
}

/**
 * Everything a run needs to go on as if it had not stopped, in one safetensors file: tensors `model.*`, `optimizer.*`, `ema.*`, the
 * state of the default generator (`rng`), and the rest as JSON in the header. One file, so that one rename replaces it.
 */
export async function encodeRun(
  { net, optimizer, ema, settings }: Run,
  progress: Progress,
): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = new Map<string, SavableTensor>();
  const add = async (
    prefix: string,
    state: ReadonlyMap<string, { shape: readonly number[]; data(): Promise<Float32Array> }>,
  ) => {
    for (const [key, t] of state) tensors.set(`${prefix}.${key}`, { shape: t.shape, data: await t.data() });
  };
  await add("model", net.stateDict());
  await add("optimizer", optimizer.stateTensors());
  if (ema) await add("ema", ema.stateDict());
  const rng = getRngState();
  tensors.set("rng", { shape: [rng.length], data: rng });
  const fewerUpdates = optimizer.fewerUpdates();
  const some = Object.keys(fewerUpdates).length > 0;
  const saved: Saved = {
    format: FORMAT,
    steps: optimizer.steps,
    ...(some ? { fewerUpdates } : {}),
    progress,
    settings,
  };
  return saveSafetensors(tensors, { metadata: { format: "pt", [KEY]: JSON.stringify(saved) } });
}

/**
 * Puts a run where its checkpoint says. @throws FileFormatError when it is no training checkpoint, or another version's;
 * StateDictError when it is another network's; ArgumentError when the settings differ
 */
export function restoreRun(file: Checkpoint, { net, optimizer, ema, settings }: Run): Progress {
  const saved = header(file);
  // A setting that the file does not have was not given, or came later.
  const differing = Object.keys(saved.settings).filter(
    (key) => inOrder(saved.settings[key]) !== inOrder(settings[key]),
  );
  const part = (prefix: string) =>
    new Map(
      [...file].flatMap(([key, t]): [string, CheckpointTensor][] =>
        key.startsWith(`${prefix}.`) ? [[key.slice(prefix.length + 1), t]] : [],
      ),
    );
  if (differing.length > 0) {
    const each = differing
      .slice(0, 9) // another division into groups differs in every parameter
      .map((key) => `${key} was ${JSON.stringify(saved.settings[key])} and is ${JSON.stringify(settings[key])}`);
    throw new ArgumentError(
      `${file.name}: the run had other settings: ${each.join("; ")}. Resume with the same, or start anew`,
    );
  }
  net.loadStateDict(part("model"), { allowNonFinite: true });
  optimizer.restore(part("optimizer"), saved.steps, saved.fewerUpdates);
  if (ema) for (const [key, t] of part("ema")) ema.stateDict().get(key)?.set(t.read());
  const rng = file.get("rng");
  if (rng) setRngState(rng.bytes());
  return saved.progress;
}

/** JSON to compare: nobody means anything by the order in which options stand. */
function inOrder(value: unknown): string | undefined {
  const keys: string[] = [];
  JSON.stringify(value, (key, inner: unknown) => {
    keys.push(key);
    return inner;
  });
  return JSON.stringify(value, keys.sort());
}

function header({ name = "fit: resume", extra }: Partial<Checkpoint>): Saved {
  const text = extra?.get(KEY);
  if (typeof text !== "string") {
    throw new FileFormatError(
      name,
      "is no checkpoint of a training run (loadCheckpoint opens one; weights alone are loaded by loadStateDict)",
    );
  }
  const saved = JSON.parse(text) as Saved;
  if (saved.format !== FORMAT) {
    throw new FileFormatError(
      name,
      `is a training checkpoint of format ${saved.format}; this version of resnet-ts reads format ${FORMAT}`,
    );
  }
  return saved;
}
