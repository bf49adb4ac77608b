import type { View } from "../../backend.ts";
import type { KernelName, RecordOf } from "../records.ts";

/**
 * What a lowering gets: it turns one op into commands without knowing whether they run now (eager) or are written once
 * into a compiled network.
 */
export interface LowerContext {
  /** Byte address of a view's values. */
  address(view: View): number;
  /** Byte address of `length` floats that live until the op is done. */
  scratch(length: number): number;
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

/** Floats of a packed matrix: panels of 8 columns, each with a row of bias in front. */
export function packedLength(columns: number, k: number): number {
  return Math.ceil(columns / panelColumns) * panelColumns * (k + 1);
}
