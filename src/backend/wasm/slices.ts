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
 * Floats of the largest value of a node, all pictures of a piece together, for each worker: then what one node writes is still in the caches when
 * the next reads it. One picture of ResNet-50's first stage, four of its third, eight of its last (bench/lab/README.md, batches).
 */
const sliceLength = 1 << 20;

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
 * Runs the first layers of a large batch a few pictures at a time. Later layers, whose pictures are small and weights large, take larger pieces, each made of whole ones of the
 * layers before, and the last ones the whole batch. No bit changes: pictures do not meet in any of these ops.
 */
export function sliceBatch(graph: Graph, constants: ReadonlySet<Storage>, workers: number): Sliced {
  const batch = graph.input.shape[0]!;
  const isValue = (v: View | null): v is View => v !== null && !constants.has(v.storage);
  const values = ({ inputs, outputs }: GraphNode) => [...inputs.filter(isValue), ...outputs];
  const counts = picturesOfPieces(graph, isValue, values, sliceLength * workers);
  const slices = new Map<Storage, Slice>();
  const end = counts.length;
  if (end < 2) return { graph, slices };

  const rest = graph.nodes.slice(end);
  const whole = new Set(
    [graph.input, ...rest.flatMap(({ inputs }) => inputs), ...graph.outputs].map((v) => v?.storage),
  );
  /** Of each value, the pictures it has room for, those of its last reader's piece or all, and its pieces. */
  const known = new Map<Storage, { room: number; pieces: Storage[] }>();
  counts.forEach((count, at) => {
    for (const { storage } of values(graph.nodes[at]!))
      known.set(storage, { room: whole.has(storage) ? batch : count, pieces: [] });
  });
  const piece = (storage: Storage, first: number, count: number): Storage => {
    const { room, pieces } = known.get(storage)!;
    const key = first * batch + count;
    if (pieces[key] === undefined) {
      const each = storage.length / batch;
      const start = first - (first % room);
      const all = Math.min(room, batch - start);
      const part = new Storage(each * count, neverRead);
      pieces[key] = part;
      if (room === batch) slices.set(part, { whole: storage, offset: first * each });
      else if (count < all) slices.set(part, { whole: piece(storage, start, all), offset: (first - start) * each });
    }
    return pieces[key]!;
  };
  const nodes: GraphNode[] = [];
  /** The nodes in front of number `to`, for some pictures: before each piece of the last ones the smaller pieces that it is made of. */
  const emit = (to: number, start: number, stop: number): void => {
    const from = counts.indexOf(counts[to - 1]!);
    for (let first = start, last = 0; first < stop; first = last) {
      last = Math.min(first + counts[from]!, stop);
      if (from > 0) emit(from, first, last);
      const count = last - first;
      const part = ({ storage, shape }: View): View => ({
        storage: piece(storage, first, count),
        shape: [count, ...shape.slice(1)],
      });
      for (const node of graph.nodes.slice(from, to)) {
        nodes.push({
          ...node,
          inputs: node.inputs.map((v) => (isValue(v) ? part(v) : v)),
          outputs: node.outputs.map(part),
        });
      }
    }
  };
  emit(end, 0, batch);
  return { graph: { ...graph, nodes: [...nodes, ...rest] }, slices };
}

/** Pictures of a piece, for each of the first nodes whose pieces are not the whole batch: powers of two, never fewer than before. */
function picturesOfPieces(
  graph: Graph,
  isValue: (v: View | null) => boolean,
  values: (node: GraphNode) => readonly View[],
  length: number,
): number[] {
  const batch = graph.input.shape[0]!;
  const counts: number[] = [];
  for (const node of graph.nodes) {
    const views = values(node);
    const pictures = pictureInputs[node.op];
    if (pictures === undefined || !views.every((v) => v.shape[0] === batch)) break;
    if (!node.inputs.every((v, i) => v === null || isValue(v) === pictures.includes(i))) break;
    const most = Math.max(...views.map((v) => v.storage.length / batch));
    counts.push(2 ** Math.max(0, Math.floor(Math.log2(length / most))));
  }
  for (let at = counts.length, most = batch; at-- > 0; ) most = counts[at] = Math.min(most, counts[at]!);
  const whole = counts.indexOf(batch);
  return whole < 0 ? counts : counts.slice(0, whole);
}

/** A piece is a name for a place in the arena. */
export const neverRead = {
  materialise(): Float32Array {
    throw new Error("a piece of a value has no values of its own");
  },
  cancel() {},
};
