/** Something that needs `bytes` from one moment to another, both included. */
export interface Block {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

export interface Arena {
  /** Offset of each block, in the order given. */
  readonly offsets: readonly number[];
  readonly bytes: number;
}

const align = 64;

/**
 * Places blocks in one stretch of memory so that those that live at the same time do not overlap: the largest first, each in
 * the first gap that fits (Pisarchyk and Lee, arXiv 2001.03288, "greedy by size").
 */
export function planArena(blocks: readonly Block[]): Arena {
  const sizes = blocks.map((b) => Math.ceil(b.bytes / align) * align);
  const order = blocks.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const offsets = blocks.map(() => 0);
  const placed: number[] = []; // by offset
  let bytes = 0;
  for (const i of order) {
    const { from, to } = blocks[i]!;
    let at = 0;
    for (const j of placed) {
      const other = blocks[j]!;
      if (other.to < from || to < other.from) continue;
      if (at + sizes[i]! <= offsets[j]!) break;
      at = Math.max(at, offsets[j]! + sizes[j]!);
    }
    offsets[i] = at;
    bytes = Math.max(bytes, at + sizes[i]!);
    let where = placed.findIndex((j) => offsets[j]! > at);
    if (where < 0) where = placed.length;
    placed.splice(where, 0, i);
  }
  return { offsets, bytes };
}
