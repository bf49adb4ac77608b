import type { Storage } from "../tensor/storage.ts";
import type { Graph, GraphNode, View } from "./backend.ts";

/** The node that writes each value. */
export function writers(graph: Graph): Map<Storage, GraphNode> {
  return new Map(graph.nodes.flatMap((node) => node.outputs.map((y) => [y.storage, node] as const)));
}

/** How often each value is read, by nodes and as an output of the graph. */
export function useCounts(graph: Graph): Map<Storage, number> {
  const counts = new Map<Storage, number>();
  const use = ({ storage }: View): void => void counts.set(storage, (counts.get(storage) ?? 0) + 1);
  for (const node of graph.nodes) for (const x of node.inputs) if (x !== null) use(x);
  for (const y of graph.outputs) use(y);
  return counts;
}

/** Constants in the order of their first use. */
export function constants(graph: Graph): Set<Storage> {
  const written = writers(graph);
  const found = new Set<Storage>();
  const look = ({ storage }: View): void => {
    if (storage !== graph.input.storage && !written.has(storage)) found.add(storage);
  };
  for (const node of graph.nodes) for (const x of node.inputs) if (x !== null) look(x);
  for (const y of graph.outputs) look(y);
  return found;
}

/** From which to which node a value must be kept; the input lives from -1, outputs to `nodes.length`. */
export interface Lifetime {
  readonly from: number;
  to: number;
}

/** @param whole the value that a storage is a part of, where a backend cuts values into pieces */
export function lifetimes(graph: Graph, whole = (storage: Storage) => storage): Map<Storage, Lifetime> {
  const lives = new Map<Storage, Lifetime>([[graph.input.storage, { from: -1, to: -1 }]]);
  graph.nodes.forEach((node, at) => {
    for (const v of [...node.inputs, ...node.outputs]) {
      const life = v && lives.get(whole(v.storage));
      if (life) life.to = at;
    }
    for (const { storage } of node.outputs) {
      if (!lives.has(whole(storage))) lives.set(whole(storage), { from: at, to: at });
    }
  });
  for (const y of graph.outputs) {
    const life = lives.get(y.storage);
    if (life) life.to = graph.nodes.length;
  }
  return lives;
}
