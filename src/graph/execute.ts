import type { Backend, Graph, GraphNode, Program, ProgramMemory, View } from "../backend/backend.ts";
import { constants, lifetimes } from "../backend/graph.ts";
import { Storage } from "../tensor/storage.ts";
import { constant } from "./build.ts";

/** Runs a graph node by node on any backend: the fallback where a backend has no `compile` of its own. */
export async function createExecutor(graph: Graph, backend: Backend): Promise<Program> {
  const scaled = new Set<Storage>();
  const folded = await foldScales(graph, scaled);
  const kept = [...constants(folded)].map((storage) => (scaled.has(storage) ? storage : storage.retain()));
  const lives = lifetimes(folded);
  const weights = kept.reduce((sum, storage) => sum + storage.length * 4, 0);
  const arena = peakBytes(lives);
  const memory: ProgramMemory = { weights, packed: 0, arena, commands: 0, total: weights + arena };
  return {
    memory,
    run(input, outputs) {
      const values = new Map<Storage, Storage>([[folded.input.storage, input.storage]]);
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
    dispose() {
      for (const storage of kept.splice(0)) storage.release();
    },
  };
}

/** Weights times the factors of folded batch norms, as new constants. */
async function foldScales(graph: Graph, made: Set<Storage>): Promise<Graph> {
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    const { weightScale, ...rest } = node;
    if (weightScale === undefined) {
      nodes.push(node);
      continue;
    }
    const weight = node.inputs[1]!;
    const values = await weight.storage.read();
    const k = values.length / weightScale.length;
    const scaled = constant(values.map((v, i) => v * weightScale[Math.floor(i / k)]!));
    made.add(scaled);
    const inputs = [node.inputs[0]!, { storage: scaled, shape: weight.shape }, ...node.inputs.slice(2)];
    nodes.push({ ...rest, inputs });
  }
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
