import type { Storage } from "../../tensor/storage.ts";
import type { Graph, OpTable, View } from "../backend.ts";
import {
  type Convolved,
  type Dispatch,
  each,
  type LowerContext,
  lengthOf,
  type Scratch,
  type Slot,
  unaliased,
} from "./context.ts";
import { fitted } from "./half.ts";
import type { Numbers } from "./kernels/index.ts";
import { lower } from "./lower/index.ts";
import { layoutOf } from "./lower/winograd.ts";
import type { Prepared } from "./prepared.ts";

/** A packed weight that is not there yet. */
export interface Filling {
  readonly source: View;
  readonly scale: Float64Array | undefined;
  readonly dispatches: readonly Dispatch[];
}

export interface Recorded {
  readonly numbers: Numbers;
  readonly dispatches: readonly Dispatch[];
  /** The node that each dispatch belongs to. */
  readonly nodes: readonly number[];
  /** The node that each scratch slot belongs to. */
  readonly scratch: ReadonlyMap<Scratch, number>;
  readonly fillings: readonly Filling[];
  /** Constants that dispatches read as they are. */
  readonly direct: ReadonlySet<Storage>;
  /** Where a run puts the input's values, and finds the outputs': 32 bits each. */
  readonly input: Slot;
  readonly outputs: readonly Slot[];
}

export interface RecordOptions {
  readonly tile: LowerContext["tile"];
  readonly numbers: Numbers;
  readonly winograd: (of: Convolved) => boolean;
}

/** One weight may stand before several batch norms: their factors are told apart by numbers, and programs of other shapes share them. */
const scaleNumbers = new WeakMap<Float64Array, number>();
let scales = 0;

function scaleNumber(scale: Float64Array): number {
  let found = scaleNumbers.get(scale);
  if (found === undefined) {
    found = ++scales;
    scaleNumbers.set(scale, found);
  }
  return found;
}

/** Lowers a graph without running it: dispatches, what to pack beforehand, and which scratch memory each node needs. */
export function record(
  graph: Graph,
  constants: ReadonlySet<Storage>,
  prepared: Prepared,
  { tile, numbers, winograd }: RecordOptions,
): Recorded {
  const scratch = new Map<Scratch, number>();
  const fillings: Filling[] = [];
  const direct = new Set<Storage>();
  const all: Dispatch[] = [];
  const nodes: number[] = [];
  const wide = new Set<object>(constants);
  const half = numbers !== "f32";
  const table: OpTable<LowerContext> = lower;
  let into = all;
  let at = -1;
  /** Factors of a batch norm that was folded into a weight. */
  const scaleOf = ({ storage }: View): Float64Array | undefined => {
    const node = graph.nodes[at];
    return node?.inputs[1]?.storage === storage ? node.weightScale : undefined;
  };
  const keyOf = (layout: string, source: View): string => {
    const scale = scaleOf(source);
    return [layout, half && "f16", scale && scaleNumber(scale)].join();
  };
  const isConstant = (slot: Slot): boolean => "storage" in slot && constants.has(slot.storage);
  const context: LowerContext = {
    tile,
    winograd(q) {
      const { storage } = q.weight;
      // A weight that was taken is to be had as it was packed for another shape, and not in another way.
      if (!constants.has(storage) || !storage.disposed) return winograd(q);
      return prepared.find(storage, keyOf(layoutOf(false), q.weight)) !== undefined;
    },
    dispatch(wanted) {
      const single = unaliased(wanted, context);
      const dispatch = half ? { ...fitted(single, context, wide, isConstant), numbers } : single;
      if (into === all) {
        for (const slot of dispatch.slots) {
          if (slot !== null && "storage" in slot && constants.has(slot.storage)) direct.add(slot.storage);
        }
        nodes.push(at);
      }
      into.push(dispatch);
    },
    scratch(length, isWide = false) {
      const slot: Scratch = { scratch: true, length, wide: isWide };
      scratch.set(slot, at);
      if (isWide) wide.add(slot);
      return slot;
    },
    prepare(layout, source, length, fill) {
      if (!constants.has(source.storage)) {
        const slot = context.scratch(length);
        fill(slot);
        return slot;
      }
      const key = keyOf(layout, source);
      const found = prepared.find(source.storage, key);
      if (found !== undefined) return { fixed: found, length };
      const slot: Slot = { fixed: prepared.add(source.storage, key, length * (half ? 2 : 4)), length };
      const dispatches: Dispatch[] = [];
      into = dispatches;
      fill(slot);
      into = all;
      fillings.push({ source, scale: scaleOf(source), dispatches });
      return slot;
    },
  };
  let input: Slot = graph.input;
  if (half) {
    input = context.scratch(graph.input.storage.length, true);
    each(context, "narrow", lengthOf(input), [input, graph.input]);
  }
  graph.nodes.forEach((node, i) => {
    at = i;
    table[node.op](node.attrs as never, node.inputs, node.outputs, context);
  });
  at = graph.nodes.length;
  const outputs = graph.outputs.map((y): Slot => {
    if (!half || isConstant(y)) return y;
    const copy = context.scratch(y.storage.length, true);
    each(context, "widen", lengthOf(copy), [y, copy]);
    return copy;
  });
  return { numbers, dispatches: all, nodes, scratch, fillings, direct, input, outputs };
}
