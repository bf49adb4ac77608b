import type { Storage } from "../../tensor/storage.ts";
import type { Graph, OpTable, View } from "../backend.ts";
import type { LowerContext } from "./lower/context.ts";
import { lower } from "./lower/index.ts";

/** What lowering a graph will ask for. */
export interface Survey {
  /** Floats of scratch memory of each node, in the order in which they are asked for. */
  readonly scratch: readonly (readonly number[])[];
  /** Floats of what each node prepares once and for all. */
  readonly packed: number[];
  /** How often each constant is a source of something prepared. */
  readonly prepared: Map<Storage, number>;
  /** Constants that commands read as they are. */
  readonly direct: Set<Storage>;
}

/** Any address: nothing is written during a survey. */
const somewhere = 64;

/** Lowers a graph without memory, to learn what must be planned. */
export function survey(
  graph: Graph,
  constants: ReadonlySet<Storage>,
  about: Pick<LowerContext, "chosen" | "workers" | "memory">,
): Survey {
  const found: Survey = {
    scratch: graph.nodes.map(() => []),
    packed: graph.nodes.map(() => 0),
    prepared: new Map(),
    direct: new Set(),
  };
  const table: OpTable<LowerContext> = lower;
  const counted = new Set<string>();
  const ids = new Map<Storage, number>();
  const id = (storage: Storage): number => ids.get(storage) ?? ids.set(storage, ids.size).size - 1;
  graph.nodes.forEach((node, at) => {
    const scratch = found.scratch[at] as number[];
    const take = (length: number): number => {
      scratch.push(length);
      return somewhere;
    };
    table[node.op](node.attrs as never, node.inputs, node.outputs, {
      ...about,
      compiled: true,
      address({ storage }) {
        if (constants.has(storage)) found.direct.add(storage);
        return somewhere;
      },
      scratch: take,
      emit() {},
      prepare(layout, sources, length, fill) {
        if (!allConstant(sources, constants)) {
          const into = take(length);
          fill(into, 0);
          return into;
        }
        // Once for all nodes that share it.
        const key = [layout, ...sources.map((v) => v && `${id(v.storage)}:${v.shape}`)].join();
        if (counted.has(key)) return somewhere;
        counted.add(key);
        found.packed[at]! += length;
        for (const v of sources) if (v) found.prepared.set(v.storage, (found.prepared.get(v.storage) ?? 0) + 1);
        return somewhere;
      },
    });
  });
  return found;
}

export function allConstant(sources: readonly (View | null)[], constants: ReadonlySet<Storage>): boolean {
  return sources.every((v) => v === null || v === undefined || constants.has(v.storage));
}
