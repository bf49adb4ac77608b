import { Storage } from "../../tensor/storage.ts";
import type { Conv2dAttrs, GraphNode, View } from "../backend.ts";
import { useCounts } from "../graph.ts";
import { chooseConv } from "./lower/chooseConv.ts";
import { floatBytes, type LowerContext } from "./lower/context.ts";
import { neverRead, type Slice, type Sliced } from "./slices.ts";

type Four = [number, number, number, number];

/** Bytes of a band, about: less than half the second-level cache (18 rows of 112x64 and 12: equal within the noise, 1 % of ResNet-18 faster than all 112). */
const bandBytes = 400e3;
/** Convolution outputs smaller than this stay in the caches as they are. */
const worthBytes = 1 << 20;
/** Rows of a tile of the first layer's Winograd times pooling's stride: bands of a multiple begin with whole tiles, so no bit changes. */
const step = 6;
/** Rows of a band at least: with fewer, `chooseConv` would choose another algorithm. What is left at the end belongs to the last band. */
const least = 4;

/**
 * The first layer of ResNets on photographs and its max pooling in turns, a band of rows at a time: 7x7 with stride 2 writes 3.2 MB that pooling reads
 * once. A band stays in the second-level cache, its memory is used again by the next one, and its last row is kept for the next one's
 * first windows.
 */
export function bandRows(
  sliced: Sliced,
  constants: ReadonlySet<Storage>,
  about: Pick<LowerContext, "memory" | "chosen">,
): Sliced {
  const slices = new Map(sliced.slices);
  const uses = useCounts(sliced.graph);
  const nodes: GraphNode[] = [];
  const before = sliced.graph.nodes;
  for (let at = 0; at < before.length; at++) {
    const conv = before[at]!;
    const pool = before[at + 1];
    if (
      pool &&
      isPair(conv, pool, about) &&
      !constants.has(conv.inputs[0]!.storage) &&
      uses.get(conv.outputs[0]!.storage) === 1 &&
      !slices.has(conv.outputs[0]!.storage)
    ) {
      nodes.push(...inBands(conv as GraphNode<"conv2d">, pool as GraphNode<"maxPool2d">, slices));
      at++;
    } else nodes.push(conv);
  }
  return { graph: { ...sliced.graph, nodes }, slices };
}

function isPair(conv: GraphNode, pool: GraphNode, about: Pick<LowerContext, "memory" | "chosen">): boolean {
  if (conv.op !== "conv2d" || pool.op !== "maxPool2d") return false;
  const [x, weight, bias, residual] = conv.inputs;
  const y = conv.outputs[0]!;
  if (residual || pool.inputs[0]!.storage !== y.storage || x!.shape[0] !== 1) return false;
  if (y.storage.length * floatBytes <= worthBytes) return false;
  const { kernelH, strideH, padH, dilationH } = pool.attrs as GraphNode<"maxPool2d">["attrs"];
  if (kernelH !== 3 || strideH !== 2 || padH !== 1 || dilationH !== 1) return false;
  const [, oc, oh, ow] = y.shape as Four;
  const shape = { c: x!.shape[1]!, oc, oh, ow };
  const { memory } = about;
  const attrs = conv.attrs as Conv2dAttrs;
  const choose = () => chooseConv(attrs, shape, { memory, use: "compiled" });
  return about.chosen(attrs, [weight!, bias ?? null], choose) === "winograd3";
}

function inBands(conv: GraphNode<"conv2d">, pool: GraphNode<"maxPool2d">, slices: Map<Storage, Slice>): GraphNode[] {
  const [x] = conv.inputs as [View];
  const y = conv.outputs[0]!;
  const z = pool.outputs[0]!;
  const [, oc, oh, ow] = y.shape as Four;
  const [, , h] = x.shape as Four;
  const [, , pooled] = z.shape as Four;
  const { kernelH, strideH, padH } = conv.attrs;
  const row = oc * ow;
  const rows = Math.max(1, Math.floor((bandBytes / (row * floatBytes) - 1) / step)) * step;
  /** The row in front of a band, and the band. */
  const band = new Storage((1 + rows + least - 1) * row, neverRead);
  const piece = (storage: Storage, shape: readonly number[], from: number, count: number): View => {
    const [n, c, , w] = shape as Four;
    const part = new Storage(n * c * count * w, neverRead);
    const { whole, offset } = slices.get(storage) ?? { whole: storage, offset: 0 };
    slices.set(part, { whole, offset: offset + from * c * w });
    return { storage: part, shape: [n, c, count, w] };
  };
  const nodes: GraphNode[] = [];
  for (let first = 0; first < oh; first += rows) {
    const end = oh - first - rows < least ? oh : first + rows;
    const top = first * strideH - padH;
    const from = Math.max(0, top);
    const to = Math.min(h, (end - 1) * strideH - padH + kernelH);
    const input = piece(x.storage, x.shape, from, to - from);
    nodes.push({
      ...conv,
      attrs: { ...conv.attrs, padH: from - top },
      inputs: [input, ...conv.inputs.slice(1)],
      outputs: [piece(band, y.shape, 1, end - first)],
    });
    const front = first > 0 ? 1 : 0;
    const firstPooled = first / 2;
    const endPooled = end < oh ? end / 2 : pooled;
    nodes.push({
      ...pool,
      attrs: { ...pool.attrs, padH: 1 - front },
      inputs: [piece(band, y.shape, 1 - front, end - first + front)],
      outputs: [piece(z.storage, z.shape, firstPooled, endPooled - firstPooled)],
    });
    if (end === oh) break;
    const attrs = { top: 0, bottom: 0, left: 0, right: 0, value: 0 };
    nodes.push({
      op: "pad2d",
      attrs,
      inputs: [piece(band, y.shape, end - first, 1)],
      outputs: [piece(band, y.shape, 0, 1)],
    });
  }
  return nodes;
}
