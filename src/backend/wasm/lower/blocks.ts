import type { RecordOf } from "../records.ts";
import { floatBytes, type LowerContext, panelColumns, workerStep } from "./context.ts";

/** Kernels that transform (or only pack) a block of input into V, multiply it by packed weights, and make pixels of the products, M. Their records end alike. */
type BlockKernel = "winograd" | "strassen" | "packedGemm";

/** Rows that the last group of a block may be filled up with, to the smallest register tile. */
export const spareRows = 3;

/** With fewer blocks of input than this, panels are shared out among workers as well. */
const enoughBlocks = 8;

/** How many blocks and panels of weights there are, and floats of memory that a block needs. */
interface Blocks {
  readonly blocks: number;
  readonly panels: number;
  readonly v: number;
  /** In front of M. */
  readonly head: number;
  /** M: rows of a panel at all positions together, and panels at a time, at most. */
  readonly rows: number;
  readonly slab: number;
}

/** What this file decides of a record. */
type Decided = "blocks" | "panelsPerTile" | "fused" | "v" | "vStep" | "scratch" | "scratchStep";

/**
 * Emits a kernel that works block by block: how blocks of input and panels of weights make tiles, and their memory. `fused`: each block is one tile that
 * prepares its V itself; else V is prepared by a command of its own.
 */
export function emitBlocks<K extends BlockKernel>(
  context: LowerContext,
  kernel: K,
  { blocks, panels, v, head, rows, slab }: Blocks,
  rest: Omit<RecordOf<K>, Decided>,
): void {
  const { workers } = context;
  const fused = workers === 1 || blocks >= enoughBlocks;
  const shares = fused ? 1 : Math.min(panels, Math.ceil(enoughBlocks / blocks));
  const panelsPerTile = Math.ceil(panels / shares);
  const vLength = workerStep(v, workers);
  const scratchLength = workerStep(head + Math.min(slab, panelsPerTile) * rows * panelColumns, workers);
  const decided: Record<Decided, number> = {
    blocks,
    panelsPerTile,
    fused: fused ? 1 : 0,
    v: context.scratch((fused ? workers : blocks) * vLength),
    vStep: vLength * floatBytes,
    scratch: context.scratch(workers * scratchLength),
    scratchStep: scratchLength * floatBytes,
  };
  const record = { ...rest, ...decided } as unknown as RecordOf<K> & RecordOf<`${K}Input`>;
  if (!fused) context.emit(`${kernel}Input`, blocks, record);
  context.emit(kernel, blocks * Math.ceil(panels / panelsPerTile), record);
}
