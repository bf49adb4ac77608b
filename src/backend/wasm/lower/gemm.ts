import type { RecordOf } from "../records.ts";
import { type LowerContext, panelColumns } from "./context.ts";

/** Work of a tile, in multiply-accumulates: big enough that claiming it costs nothing, small enough to share among threads. */
const tileMacs = 1 << 20;
/** Rows of a tile when there are many, whole register tiles of 4 and of 6: 60 rows of a 512-channel A are 120 KB, which stay in the second-level cache. */
const tileRows = 60;

type Rows = Omit<RecordOf<"gemm">, "rowsPerTile" | "panelsPerTile" | "rowTiles">;

/** Emits C = A · B with a split into tiles that depends on the shape only. */
export function emitGemm(context: LowerContext, record: Rows): void {
  const k = record.runLength * record.runsH * record.runsW;
  const panels = Math.ceil(record.columns / panelColumns);
  const rowsPerTile = Math.min(tileRows, Math.max(4, Math.ceil(record.m / 4) * 4));
  const rowTiles = Math.ceil(record.m / rowsPerTile);
  const wanted = Math.ceil(tileMacs / (Math.min(rowsPerTile, record.m) * panelColumns * k));
  const panelsPerTile = Math.min(panels, Math.max(1, wanted));
  context.emit("gemm", rowTiles * Math.ceil(panels / panelsPerTile), {
    ...record,
    rowsPerTile,
    panelsPerTile,
    rowTiles,
  });
}

/** Emits the packing of weights [columns][k] at address `weight` to panels at `packed`. */
export function emitPack(context: LowerContext, record: RecordOf<"pack">): void {
  context.emit("pack", Math.ceil(record.columns / panelColumns), record);
}
