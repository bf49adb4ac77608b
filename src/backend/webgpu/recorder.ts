import type { Storage } from "../../tensor/storage.ts";
import type { Graph, GraphNode, OpTable, View } from "../backend.ts";
import { type Dispatch, type LowerContext, type Scratch, type Slot, unaliased } from "./context.ts";
import { lower } from "./lower/index.ts";
import type { Prepared } from "./prepared.ts";

/** A packed weight that is not there yet. */
export interface Filling {
  readonly source: View;
  readonly scale: Float64Array | undefined;
  readonly dispatches: readonly Dispatch[];
}

export interface Recorded {
  readonly dispatches: readonly Dispatch[];
  /** The node that each scratch slot belongs to. */
  readonly scratch: ReadonlyMap<Scratch, number>;
  readonly fillings: readonly Filling[];
  /** Constants that dispatches read as they are. */
  readonly direct: ReadonlySet<Storage>;
}

/** Lowers a graph without running it: dispatches, what to pack beforehand, and which scratch memory each node needs. */
export function record(
  graph: Graph,
  constants: ReadonlySet<Storage>,
  prepared: Prepared,
  tile: LowerContext["tile"],
): Recorded {
  const scratch = new Map<Scratch, number>();
  const fillings: Filling[] = [];
  const direct = new Set<Storage>();
  const all: Dispatch[] = [];
  const table: OpTable<LowerContext> = lower;
  let into = all;
  let node: GraphNode | undefined;
  let at = 0;
  const context: LowerContext = {
    tile,
    dispatch(wanted) {
      const dispatch = unaliased(wanted, context);
      if (into === all) {
        for (const slot of dispatch.slots) {
          if (slot !== null && "storage" in slot && constants.has(slot.storage)) direct.add(slot.storage);
        }
      }
      into.push(dispatch);
    },
    scratch(length) {
      const slot: Scratch = { scratch: true, length };
      scratch.set(slot, at);
      return slot;
    },
    prepare(layout, source, length, fill) {
      if (!constants.has(source.storage)) {
        const slot = context.scratch(length);
        fill(slot);
        return slot;
      }
      const found = prepared.find(source.storage, layout);
      if (found !== undefined) return { fixed: found, length };
      const slot: Slot = { fixed: prepared.add(source.storage, layout, length), length };
      const dispatches: Dispatch[] = [];
      into = dispatches;
      fill(slot);
      into = all;
      fillings.push({ source, scale: node!.weightScale, dispatches });
      return slot;
    },
  };
  graph.nodes.forEach((each, i) => {
    node = each;
    at = i;
    table[each.op](each.attrs as never, each.inputs, each.outputs, context);
  });
  return { dispatches: all, scratch, fillings, direct };
}
