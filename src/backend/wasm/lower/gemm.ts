import type { RecordOf } from "../records.ts";
import { emitBlocks, spareRows } from "./blocks.ts";
import { floatBytes, type LowerContext, panelColumns, slabPanels } from "./context.ts";

/** Work of a tile, in multiply-accumulates: big enough that claiming it costs nothing, small enough to share among threads. */
const tileMacs = 1 << 20;
/** Of a tile where there is nobody to share with: more panels stream in one after the other before the next rows come (49 x 2048 x 512: 2.02 to 1.97 ms). */
const aloneMacs = 5 << 20;
/** Rows of a tile when there are many, whole register tiles of 5 and of 6: 60 rows of a 512-channel A are 120 KB, which stay in the second-level cache. */
const tileRows = 60;

/** Weights that stay in the second-level cache beside rows of A. */
const cachedBytes = 1 << 19;

type Rows = Omit<RecordOf<"gemm">, "rowsPerTile" | "panelsPerTile" | "rowTiles" | "panelTiles">;

/** Emits C = A · B; the split into tiles depends on the shape, and on whether there is one worker. It never splits a sum. */
export function emitGemm(context: LowerContext, record: Rows): void {
  const k = record.runLength * record.runsH * record.runsW;
  const panels = Math.ceil(record.columns / panelColumns);
  const rowsPerTile = Math.min(tileRows, Math.max(4, Math.ceil(record.m / 4) * 4));
  const rowTiles = Math.ceil(record.m / rowsPerTile);
  const wanted = Math.ceil(
    (context.workers === 1 ? aloneMacs : tileMacs) / (Math.min(rowsPerTile, record.m) * panelColumns * k),
  );
  const panelsPerTile = Math.min(panels, Math.max(1, wanted));
  const panelTiles = Math.ceil(panels / panelsPerTile);
  // Which comes from beyond the second-level cache again and again: A for each tile of panels, or B for each tile of rows. With
  // rows outer, rows of C are finished one after the other as well.
  const b = panels * panelColumns * k;
  const rowsOuter = b * floatBytes <= cachedBytes || b * rowTiles <= 2 * record.m * k * panelTiles;
  context.emit("gemm", rowTiles * panelTiles, {
    ...record,
    rowsPerTile,
    panelsPerTile,
    rowTiles,
    panelTiles: rowsOuter ? panelTiles : 0,
  });
}

/** Bytes of packed rows of a block, about: they stay in the second-level cache. */
const blockBytes = 1 << 19;
/** Rows of a block at least, so that the weights are not read too often. */
const blockLeast = 60;

/** Emits C = A · B with rows of A packed first: see assembly/packedGemm.ts. Runs are multiples of 4, columns of 8. */
export function emitPackedGemm(context: LowerContext, record: Rows): void {
  const k = record.runLength * record.runsH * record.runsW;
  const panels = record.columns / panelColumns;
  const blockRows = Math.min(record.m, Math.max(blockLeast, Math.floor(blockBytes / (k * floatBytes) / 6) * 6));
  const rows = blockRows + spareRows;
  const blocks = {
    blocks: Math.ceil(record.m / blockRows),
    panels,
    v: rows * k,
    head: 0,
    rows,
    slab: slabPanels,
  };
  emitBlocks(context, "packedGemm", blocks, {
    ...record,
    blockRows,
  });
}

/** Emits the packing of weights [columns][k] at address `weight` to panels at `packed`. */
export function emitPack(context: LowerContext, record: RecordOf<"pack">): void {
  context.emit("pack", Math.ceil(record.columns / panelColumns), record);
}
