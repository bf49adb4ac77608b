import { Storage } from "../../tensor/storage.ts";
import type { Graph, GraphNode, OpName, View } from "../backend.ts";

/** A piece of a value: some pictures of its batch. */
export interface Slice {
  readonly whole: Storage;
  /** Floats before it. */
  readonly offset: number;
}

/** A graph of which some values are pieces of others; nothing was ever allocated for a piece. */
export interface Sliced {
  readonly graph: Graph;
  readonly slices: ReadonlyMap<Storage, Slice>;
}

/**
 * Floats of the largest value of a node, all pictures of a piece together: then what one node writes is still in the caches when
 * the next reads it. One picture of ResNet-50's first stage (bench/lab/README.md, batches).
 */
const sliceLength = 1 << 20;
/**
 * How much larger than what it reads and writes of a piece a layer's weights may be, where one worker computes: they come from memory again for each piece while
 * hundreds of pixels are multiplied by each of them, and pixels stay in the caches (ResNet-152, batch 8: 1 to 5 % faster through the third stage). Several workers
 * would find too few tiles in a piece.
 */
const aloneFactor = 8;

/** Ops that compute each picture by itself, and which of their inputs are pictures. The others must be constants. */
const pictureInputs: { readonly [K in OpName]?: readonly number[] } = {
  conv2d: [0, 3],
  add: [0, 1],
  batchNorm: [0],
  maxPool2d: [0],
  avgPool2d: [0],
  relu: [0],
  padShortcut: [0],
  pad2d: [0],
  mulScalar: [0],
};

/**
 * Runs the first layers of a large batch a few pictures at a time, as long as a layer's weights are not much larger than what it reads and
 * writes of a piece. Later layers, with large weights and small pictures, take the whole batch. No bit changes: pictures do not
 * meet in any of these ops.
 */
export function sliceBatch(graph: Graph, constants: ReadonlySet<Storage>, workers: number): Sliced {
  const batch = graph.input.shape[0]!;
  const isValue = (v: View | null): v is View => v !== null && !constants.has(v.storage);
  const values = ({ inputs, outputs }: GraphNode) => [...inputs.filter(isValue), ...outputs];
  const sum = (views: readonly (View | null)[]) => views.reduce((total, v) => total + (v?.storage.length ?? 0), 0);

  let end = 0;
  let largest = 1;
  for (const node of graph.nodes) {
    const views = values(node);
    const pictures = pictureInputs[node.op];
    if (pictures === undefined || !views.every((v) => v.shape[0] === batch)) break;
    if (!node.inputs.every((v, i) => v === null || isValue(v) === pictures.includes(i))) break;
    const most = Math.max(largest, ...views.map((v) => v.storage.length / batch));
    const count = Math.min(batch, Math.max(1, Math.floor(sliceLength / most)));
    const weights = sum(node.inputs.filter((v) => !isValue(v)));
    if (weights > (sum(views) / batch) * count * (workers === 1 ? aloneFactor : 1)) break;
    largest = most;
    end++;
  }
  const size = Math.max(1, Math.floor(sliceLength / largest));
  const slices = new Map<Storage, Slice>();
  if (end < 2 || batch <= size) return { graph, slices };

  const first = graph.nodes.slice(0, end);
  const rest = graph.nodes.slice(end);
  const later = new Set([...rest.flatMap(({ inputs }) => inputs), ...graph.outputs].map((v) => v?.storage));
  const nodes: GraphNode[] = [];
  for (let start = 0; start < batch; start += size) {
    const count = Math.min(size, batch - start);
    const pieces = new Map<Storage, Storage>();
    const piece = (v: View): View => {
      const { storage, shape } = v;
      let part = pieces.get(storage);
      if (part === undefined) {
        const each = storage.length / batch;
        part = new Storage(each * count, neverRead);
        pieces.set(storage, part);
        if (later.has(storage) || storage === graph.input.storage) {
          slices.set(part, { whole: storage, offset: start * each });
        }
      }
      return { storage: part, shape: [count, ...shape.slice(1)] };
    };
    for (const node of first) {
      const inputs = node.inputs.map((v) => (isValue(v) ? piece(v) : v));
      nodes.push({ ...node, inputs, outputs: node.outputs.map(piece) });
    }
  }
  return { graph: { ...graph, nodes: [...nodes, ...rest] }, slices };
}

/** A piece is a name for a place in the arena. */
export const neverRead = {
  materialise(): Float32Array {
    throw new Error("a piece of a value has no values of its own");
  },
  cancel() {},
};
