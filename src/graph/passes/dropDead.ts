import type { Graph } from "../../backend/backend.ts";

/** Leaves out what nobody reads. */
export function dropDead(graph: Graph): Graph {
  const wanted = new Set(graph.outputs.map((y) => y.storage));
  const nodes = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((y) => wanted.has(y.storage))) continue;
    for (const x of node.inputs) if (x !== null) wanted.add(x.storage);
    nodes.push(node);
  }
  return { ...graph, nodes: nodes.reverse() };
}
