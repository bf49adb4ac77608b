import type { Memory, MemoryStats } from "../tensor/memory.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Storage } from "../tensor/storage.ts";
import type { Conv2dAttrs, PadShortcutAttrs, Window } from "./attrs.ts";
import type { TrainingOpAttrs } from "./trainingOps.ts";

export type { Conv2dAttrs, PadShortcutAttrs, Window };

/**
 * Every op, once: its attributes (those that only training needs are in trainingOps.ts). Inputs and outputs (shapes in N,C,H,W; `?` may be null) are:
 *
 * | op | inputs | outputs |
 * |---|---|---|
 * | conv2d | x[n,c,h,w] weight[oc,c/groups,kh,kw] bias?[oc] residual?[n,oc,oh,ow] | y[n,oc,oh,ow] |
 * | linear | x[n,k] weight[m,k] bias?[m] residual? | y[n,m] |
 * | maxPool2d | x | y (padding counts as -inf) |
 * | avgPool2d | x | y |
 * | adaptiveAvgPool2d | x | y |
 * | batchNorm | x weight?[c] bias?[c] mean[c] variance[c] | y (4-D or 2-D) |
 * | relu | x | y |
 * | add | a b | y (same shapes) |
 * | padShortcut | x[n,c,h,w] | y[n,before+c+after,ceil(h/stride),ceil(w/stride)] |
 * | softmax | x[n,k] | y[n,k] |
 * | pad2d | x | y: `value` put around the picture |
 * | flatten | x[n,c,h,w] | y[n,c*h*w] in the shape's (row-major) order |
 * | mulScalar | x | y = x * factor |
 */
export interface OpAttrs extends TrainingOpAttrs {
  conv2d: Conv2dAttrs;
  linear: { readonly relu?: boolean };
  maxPool2d: Window;
  avgPool2d: Window & { readonly countIncludePad: boolean };
  adaptiveAvgPool2d: Record<never, never>;
  adaptiveMaxPool2d: Record<never, never>;
  batchNorm: { readonly eps: number; readonly relu?: boolean };
  relu: Record<never, never>;
  add: { readonly relu?: boolean };
  padShortcut: PadShortcutAttrs;
  softmax: { readonly log: boolean };
  pad2d: {
    readonly top: number;
    readonly bottom: number;
    readonly left: number;
    readonly right: number;
    readonly value: number;
  };
  flatten: Record<never, never>;
  mulScalar: { readonly factor: number };
}

export type OpName = keyof OpAttrs;

/** A storage seen under a shape: what backends get for each input and output. */
export interface View {
  readonly storage: Storage;
  readonly shape: Shape;
}

/** One launch: an op is data. */
export interface Launch<K extends OpName = OpName> {
  readonly op: K;
  readonly attrs: OpAttrs[K];
  readonly inputs: readonly (View | null)[];
  readonly outputs: readonly View[];
}

/** What one op's implementation looks like in a backend: an object literal `satisfies` the table of all of them. */
export type OpTable<Context> = {
  readonly [K in OpName]: (
    attrs: OpAttrs[K],
    inputs: readonly (View | null)[],
    outputs: readonly View[],
    context: Context,
  ) => void;
};

/** What `info()` says of the backend that is current. */
export interface BackendInfo {
  readonly backend: string;
  /** For wasm: which binary runs. */
  readonly binary?: string;
  readonly threads: number;
  /** True where results are the same bits on every machine. */
  readonly deterministic: boolean;
  /** Why this backend, this binary and this number of threads, in sentences for people. */
  readonly reasons: readonly string[];
  readonly memory: MemoryStats;
}

/** A launch in a compiled network. */
export interface GraphNode<K extends OpName = OpName> extends Launch<K> {
  /** Factor of each output channel's weights (a folded batch norm); applied in 64 bits, before the only rounding. */
  readonly weightScale?: Float64Array;
}

/**
 * A network as data: launches in an order that can be run. A storage is a value; views of one storage are the same value under
 * different shapes. Storages that no node writes and that are not the input are constants.
 */
export interface Graph {
  readonly input: View;
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly View[];
}

/**
 * In which numbers a compiled network keeps weights and activations and adds up products. `"f16"`: 16 bits, sums of products in 32;
 * `"f16-sums"`: everything in 16 bits.
 */
export type Precision = "f32" | "f16" | "f16-sums";

export interface ProgramOptions {
  /** `"low"`: nothing that is larger than the weights themselves. */
  readonly memory: "default" | "low";
  /** `"f32"` when left out. */
  readonly precision?: Precision;
  /** A program of the same backend whose packed weights are used again. */
  readonly share?: Program;
  /** Called with a constant that the program will never read again, because it holds a packed copy. */
  readonly release: (constant: Storage) => void;
  /** Gives what stands for a constant that the program reads in every run: nobody else writes to it, and it outlives the program. */
  readonly keep: (constant: Storage) => Storage;
}

/** Bytes. */
export interface ProgramMemory {
  /** Constants that are read as they are. */
  readonly weights: number;
  /** Constants that were packed, folded or transformed; programs that share them count the same bytes. */
  readonly packed: number;
  /** Input, activations, scratch and outputs. */
  readonly arena: number;
  /** Records of all commands. */
  readonly commands: number;
  readonly total: number;
}

/** How long one kernel of a program took. */
export interface KernelTime {
  readonly kernel: string;
  /** Of the graph, by its place; -1 and the number of nodes are what is done to the input and to the outputs. */
  readonly node: number;
  readonly milliseconds: number;
  /** The device's own timestamps, or waiting for each kernel, which adds the way to the device and back. */
  readonly by: "timestamps" | "waiting";
}

/** A graph that a backend has made ready to run. */
export interface Program {
  readonly memory: ProgramMemory;
  /** Runs on the values of `input` and writes those of `outputs`, which have the shapes of the graph's. */
  run(input: View, outputs: readonly View[]): void;
  /** Runs once and times each kernel. */
  profile?(input: View): Promise<readonly KernelTime[]>;
  /** Gives the arena, the commands and a share of the packed weights back. */
  dispose(): void;
}

/** The contract. Shapes were checked at the door (src/ops), so backends trust them. */
export interface Backend extends Memory {
  launch<K extends OpName>(op: K, attrs: OpAttrs[K], inputs: readonly (View | null)[], outputs: readonly View[]): void;
  /** Makes a graph ready to run. Only what captures a network has none. */
  compile?(graph: Graph, options: ProgramOptions): Program | Promise<Program>;
  /** What `compile` may be asked for here; f32 alone when left out. */
  readonly precisions?: readonly Precision[];
  info(): BackendInfo;
  /** True when the device went away and nothing can be done with this backend any more. */
  readonly lost?: boolean;
  /** Gives back everything: memory, threads. */
  dispose(): void;
}
