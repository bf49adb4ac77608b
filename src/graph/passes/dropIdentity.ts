import type { Graph, GraphNode, OpAttrs, View } from "../../backend/backend.ts";
import type { Storage } from "../../tensor/storage.ts";

/** Leaves out nodes whose output has the bytes of their input, and lets their readers read the input instead. */
export function dropIdentity(graph: Graph): Graph {
  const same = new Map<Storage, Storage>();
  const follow = (v: View): View => ({ storage: same.get(v.storage) ?? v.storage, shape: v.shape });
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((x) => x && follow(x));
    if (copies(node)) same.set(node.outputs[0]!.storage, inputs[0]!.storage);
    else nodes.push({ ...node, inputs });
  }
  return { ...graph, nodes, outputs: graph.outputs.map(follow) };
}

function copies({ op, attrs, inputs }: GraphNode): boolean {
  switch (op) {
    case "flatten": {
      // Channels-last bytes are row-major where there is one pixel or one channel.
      const [, c, h, w] = inputs[0]!.shape as [number, number, number, number];
      return c === 1 || h * w === 1;
    }
    case "mulScalar":
      return (attrs as OpAttrs["mulScalar"]).factor === 1;
    case "pad2d": {
      const { top, bottom, left, right } = attrs as OpAttrs["pad2d"];
      return top === 0 && bottom === 0 && left === 0 && right === 0;
    }
    case "padShortcut": {
      const { stride, before } = attrs as OpAttrs["padShortcut"];
      return stride === 1 && before === 0 && (attrs as OpAttrs["padShortcut"]).after === 0;
    }
    default:
      return false;
  }
}
