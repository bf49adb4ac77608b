import type { Conv2dAttrs, View } from "../../backend.ts";
import type { KernelName, RecordOf } from "../records.ts";
import type { ConvAlgorithm } from "./chooseConv.ts";

/**
 * What a lowering gets: it turns one op into commands without knowing whether they run now (eager) or are written once
 * into a compiled network.
 */
export interface LowerContext {
  /** Byte address of a view's values. */
  address(view: View): number;
  /** Byte address of `length` floats that live until the op is done. */
  scratch(length: number): number;
  /**
   * Byte address of `length` floats that depend on nothing but `sources`: packed weights. `fill` emits the commands that compute
   * them, now (eager) or once and for all (compiled, where the sources are constants). `layout` names the form; `scale` is the
   * address of a 64-bit factor for each output channel, or 0.
   */
  prepare(
    layout: string,
    sources: readonly (View | null)[],
    length: number,
    fill: (at: number, scale: number) => void,
  ): number;
  /**
   * Which algorithm computes a convolution with these weights and bias: what was chosen for the first convolution of the same kind with them, since
   * other layouts may no longer be possible; else what `choose` says.
   */
  chosen(attrs: Conv2dAttrs, sources: readonly (View | null)[], choose: () => ConvAlgorithm): ConvAlgorithm;
  /** How many workers run tiles at the same time; scratch memory of a worker is addressed by its index. */
  readonly workers: number;
  /** Whether weights are packed once and used often. */
  readonly compiled: boolean;
  readonly memory: "default" | "low";
  /** Appends a command: `tiles` independent tiles of a kernel. */
  emit<K extends KernelName>(kernel: K, tiles: number, record: RecordOf<K>): void;
}

/** Address of an optional input; 0 says "not there" to every kernel. */
export function optional(context: LowerContext, view: View | null | undefined): number {
  return view ? context.address(view) : 0;
}

export const floatBytes = 4;
/** Columns of a packed panel of weights. */
export const panelColumns = 8;

/** Panels of a slab of packed weights that rows of V are multiplied by, at most (SLAB in assembly/slabs.ts). */
export const slabPanels = 16;

/** Floats of a packed matrix: panels of 8 columns, each with a row of bias in front. */
export function packedLength(columns: number, k: number): number {
  return Math.ceil(columns / panelColumns) * panelColumns * (k + 1);
}

/**
 * Floats from one worker's scratch memory to the next one's, where it needs `length`: a page of memory lies between what two of
 * them write, since a core fetches ahead what lies behind the lines it works on, up to the end of the page.
 */
export function workerStep(length: number, workers: number): number {
  const page = 4096 / floatBytes;
  return workers === 1 ? length : (Math.ceil(length / page) + 1) * page;
}

/** An odd number of cache lines: many writes that are a power of two apart would push each other out of the first-level cache. */
export function spread(length: number): number {
  const lines = Math.ceil((length * floatBytes) / 64);
  return ((lines | 1) * 64) / floatBytes;
}
