import type { Graph, GraphNode, OpAttrs, OpName, View } from "../../backend/backend.ts";
import { useCounts, writers } from "../../backend/graph.ts";
import { sameShape } from "../../tensor/shape.ts";
import type { Storage } from "../../tensor/storage.ts";

const withRelu = new Set<OpName>(["conv2d", "linear", "batchNorm", "add"]);
const withResidual = new Set<OpName>(["conv2d", "linear"]);

const hasRelu = (node: GraphNode): boolean => Boolean((node.attrs as OpAttrs["add"]).relu);
const setRelu = (node: GraphNode, relu: boolean | undefined): GraphNode["attrs"] =>
  relu ? { ...(node.attrs as OpAttrs["conv2d"]), relu } : node.attrs;

/** A ReLU joins the node before it, where that one has a place for it and nobody else reads what it gives. */
export function fuseRelu(graph: Graph): Graph {
  return fuse(graph, (node, before) => {
    if (node.op !== "relu") return undefined;
    const [x] = node.inputs as [View];
    const made = before(x);
    if (made === undefined || !withRelu.has(made.op) || hasRelu(made)) return undefined;
    return { drop: made, node: { ...made, attrs: setRelu(made, true), outputs: node.outputs } };
  });
}

/** A residual addition joins the layer that made one of its terms: the later one, so that no value lives longer than before. */
export function fuseAdd(graph: Graph): Graph {
  const order = new Map(graph.nodes.map((node, i) => [node, i]));
  return fuse(graph, (node, before) => {
    if (node.op !== "add") return undefined;
    const [a, b] = node.inputs as [View, View];
    if (a.storage === b.storage) return undefined;
    const candidates = [
      { made: before(a), other: b },
      { made: before(b), other: a },
    ].filter(({ made }) => made && withResidual.has(made.op) && !hasRelu(made) && !made.inputs[3]);
    candidates.sort((p, q) => (order.get(q.made!) ?? 0) - (order.get(p.made!) ?? 0));
    const chosen = candidates[0];
    if (chosen === undefined) return undefined;
    const made = chosen.made!;
    const inputs = [made.inputs[0]!, made.inputs[1]!, made.inputs[2] ?? null, chosen.other];
    const { relu } = node.attrs as OpAttrs["add"];
    return { drop: made, node: { ...made, attrs: setRelu(made, relu), inputs, outputs: node.outputs } };
  });
}

type Step = (
  node: GraphNode,
  /** The node that made a value which is read once, in the same shape. */
  before: (x: View) => GraphNode | undefined,
) => { drop: GraphNode; node: GraphNode } | undefined;

function fuse(graph: Graph, step: Step): Graph {
  const uses: ReadonlyMap<Storage, number> = useCounts(graph);
  const written = writers(graph);
  const now = new Map<GraphNode, GraphNode | null>(graph.nodes.map((node) => [node, node]));
  const before = (x: View): GraphNode | undefined => {
    const made = written.get(x.storage);
    if (made === undefined || uses.get(x.storage) !== 1) return undefined;
    return sameShape(made.outputs[0]!.shape, x.shape) ? made : undefined;
  };
  for (const node of graph.nodes) {
    const found = step(node, before);
    if (found === undefined || now.get(found.drop) !== found.drop) continue;
    now.set(found.drop, null);
    now.set(node, found.node);
  }
  return { ...graph, nodes: [...now.values()].filter((node) => node !== null) };
}
