import type { Backend, Graph, GraphNode, Program, ProgramMemory, View } from "../backend/backend.ts";
import { constants, lifetimes } from "../backend/graph.ts";
import { Storage } from "../tensor/storage.ts";
import type { Shared } from "./shared.ts";

/** Runs a graph node by node where a backend has no `compile` of its own (and reads at once). */
export function createExecutor(
  graph: Graph,
  backend: Backend,
  shared: Shared,
  keep: (constant: Storage) => Storage,
): Program {
  const folded = foldScales(graph, shared);
  const kept = [...constants(folded)].map((storage) => [storage, keep(storage)] as const);
  const lives = lifetimes(folded);
  const weights = kept.reduce((sum, [storage]) => sum + storage.length * 4, 0);
  const arena = peakBytes(lives);
  const memory: ProgramMemory = { weights, packed: 0, arena, commands: 0, total: weights + arena };
  return {
    memory,
    run(input, outputs) {
      const values = new Map<Storage, Storage>([...kept, [folded.input.storage, input.storage]]);
      const view = (v: View): View => ({ storage: values.get(v.storage) ?? v.storage, shape: v.shape });
      const made = new Set<Storage>();
      try {
        folded.nodes.forEach((node, at) => {
          for (const y of node.outputs) {
            const storage = new Storage(y.storage.length);
            made.add(storage);
            values.set(y.storage, storage);
          }
          backend.launch(
            node.op,
            node.attrs,
            node.inputs.map((v) => v && view(v)),
            node.outputs.map(view),
          );
          for (const [storage, life] of lives) {
            const mine = values.get(storage);
            if (life.to !== at || mine === undefined || !made.delete(mine)) continue;
            mine.release();
          }
        });
        folded.outputs.forEach((y, i) => {
          backend.launch("mulScalar", { factor: 1 }, [{ ...view(y), shape: y.shape }], [outputs[i]!]);
        });
      } finally {
        for (const storage of made) storage.release();
      }
    },
    dispose() {}, // what it reads is shared
  };
}

/** Weights times the factors of folded batch norms, as new constants. */
function foldScales(graph: Graph, shared: Shared): Graph {
  const nodes = graph.nodes.map((node): GraphNode => {
    const { weightScale, ...rest } = node;
    if (weightScale === undefined) return node;
    const [x, weight, ...others] = node.inputs as [View, View, ...(View | null)[]];
    return { ...rest, inputs: [x, { ...weight, storage: shared.scale(weight.storage, weightScale) }, ...others] };
  });
  return { ...graph, nodes };
}

function peakBytes(lives: ReadonlyMap<Storage, { from: number; to: number }>): number {
  let peak = 0;
  for (const { from } of lives.values()) {
    let live = 0;
    for (const [storage, other] of lives) if (other.from <= from && from <= other.to) live += storage.length * 4;
    peak = Math.max(peak, live);
  }
  return peak;
}
