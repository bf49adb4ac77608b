import type { Graph, GraphNode, OpAttrs, View } from "../../backend/backend.ts";
import { useCounts, writers } from "../../backend/graph.ts";
import { sameShape } from "../../tensor/shape.ts";
import type { Storage } from "../../tensor/storage.ts";

/** What a batch norm makes of the layer before it. */
export interface Folded {
  readonly weightScale: Float64Array;
  readonly bias: Storage;
}

/** Computes a fold from the values of `bias` (of the layer), `weight`, `bias`, `mean`, `variance` (of the norm). */
export type Fold = (parameters: readonly (Storage | null)[], eps: number) => Folded | undefined;

/**
 * conv2d or linear followed by batchNorm becomes one layer: weights times γ/sqrt(σ² + ε), and bias (b - μ)·γ/sqrt(σ² + ε) + β. Only
 * where nobody else reads the layer's output and the statistics are constants (`fold` answers undefined where they are not).
 */
export function foldBatchNorm(graph: Graph, fold: Fold): Graph {
  const uses = useCounts(graph);
  const written = writers(graph);
  const replaced = new Map<GraphNode, GraphNode | null>();
  for (const node of graph.nodes) {
    if (node.op !== "batchNorm") continue;
    const [x, ...rest] = node.inputs as [View, View | null, View | null, View, View];
    const layer = written.get(x.storage);
    if (layer === undefined || !foldable(layer, uses) || !sameShape(x.shape, layer.outputs[0]!.shape)) continue;
    const [layerInput, weight] = layer.inputs as [View, View];
    if (written.has(weight.storage) || weight.storage === graph.input.storage) continue; // only constants are multiplied once
    const { eps, relu } = node.attrs as OpAttrs["batchNorm"];
    const folded = fold([layer.inputs[2]?.storage ?? null, ...rest.map((v) => v?.storage ?? null)], eps);
    if (folded === undefined) continue;
    replaced.set(layer, null);
    replaced.set(node, {
      op: layer.op,
      attrs: relu ? { ...(layer.attrs as OpAttrs["conv2d"]), relu } : layer.attrs,
      inputs: [layerInput, weight, { storage: folded.bias, shape: [weight.shape[0]!] }, null],
      outputs: node.outputs,
      weightScale: folded.weightScale,
    });
  }
  const nodes = graph.nodes.map((node) => (replaced.has(node) ? replaced.get(node)! : node)).filter((n) => n !== null);
  return { ...graph, nodes };
}

function foldable(layer: GraphNode, uses: ReadonlyMap<Storage, number>): boolean {
  if (layer.op !== "conv2d" && layer.op !== "linear") return false;
  const { relu } = layer.attrs as OpAttrs["linear"];
  if (relu || layer.inputs[3] || layer.weightScale) return false;
  return uses.get(layer.outputs[0]!.storage) === 1;
}
