import type { BackendInfo, HeatMap, Prediction } from "resnet-ts";

export interface LayerRow {
  readonly layer: string;
  readonly type: string;
  readonly output: readonly number[];
  readonly parameters: number;
  readonly macs: number;
}

export interface BlockInfo {
  /** e.g. `layer2.0` */
  readonly name: string;
  readonly stage: number;
  /** `projected`: a convolution or padding on the shortcut. */
  readonly shortcut: "identity" | "projected" | "none";
  readonly output: readonly number[];
  readonly layers: readonly LayerRow[];
}

export interface NetworkInfo {
  readonly model: string;
  readonly stem: readonly LayerRow[];
  readonly head: readonly LayerRow[];
  readonly blocks: readonly BlockInfo[];
  readonly parameters: number;
  readonly macs: number;
}

export interface TrainOptions {
  /** The number of this start: its steps and its failure carry it. */
  readonly run: number;
  readonly depth: number;
  readonly shortcut: "A" | "B" | "C";
  readonly batch: number;
  /** A zip of class folders or CIFAR-10's binary file; patches of a photograph when left out. */
  readonly data?: Blob;
  readonly photograph: Blob;
}

export interface TrainStep {
  readonly run: number;
  readonly step: number;
  readonly residual: { readonly loss: number; readonly norms: readonly number[] };
  readonly plain: { readonly loss: number; readonly norms: readonly number[] };
  readonly picturesPerSecond: number;
}

/** Training was under way, and cannot go on. */
export interface TrainFailure {
  readonly run: number;
  readonly why: string;
}

export interface Timing {
  readonly network: string;
  readonly backend: string;
  readonly ms: number;
  readonly gflops: number;
}

/** What the page asks of its worker, and what comes back. */
export interface Calls {
  describe(): NetworkInfo;
  maps(picture: Blob, block: string): { maps: HeatMap[] };
  predict(picture: Blob, off: readonly string[]): { predictions: Prediction[] };
  startTraining(options: TrainOptions): { pictures: number; classes: readonly string[] };
  pause(paused: boolean): void;
  embed(picture: Blob): Float32Array;
  teach(
    features: readonly Float32Array[],
    labels: readonly number[],
    classes: readonly string[],
  ): {
    correct: number;
    ms: number;
    file: Uint8Array;
  };
  ask(feature: Float32Array): { predictions: Prediction[] };
  peak(): number;
  time(backend: string): { info: BackendInfo; rows: Timing[] } | { missing: string };
  hash(): { hash: string } | { missing: string };
}

export type Name = keyof Calls;

export interface Request {
  readonly id: number;
  readonly call: Name;
  readonly args: readonly unknown[];
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly step: TrainStep }
  | { readonly failure: TrainFailure };
