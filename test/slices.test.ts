import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Graph, GraphNode, View } from "../src/backend/backend.ts";
import { neverRead, sliceBatch } from "../src/backend/wasm/slices.ts";
import { Storage } from "../src/tensor/storage.ts";

const view = (shape: readonly number[]): View => ({
  storage: new Storage(
    shape.reduce((a, b) => a * b),
    neverRead,
  ),
  shape,
});

/** A layer: its output's floats a picture, as a power of two, which value before it adds (counted backwards), and whether its output leaves the network. */
const layer = fc.record({
  log: fc.integer({ min: 14, max: 22 }),
  back: fc.integer({ min: 0, max: 5 }),
  leaves: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  mixes: fc.integer({ min: 0, max: 39 }).map((n) => n === 0),
});

interface Layer {
  readonly log: number;
  readonly back: number;
  readonly leaves: boolean;
  /** An op that sees all pictures at once. */
  readonly mixes: boolean;
}

/** Convolutions and sums one after the other; `attrs` of each is an object of its own. */
function networkOf(batch: number, layers: readonly Layer[]): Graph {
  const input = view([batch, 3, 64, 64]);
  const values = [input];
  const outputs: View[] = [];
  const nodes = layers.map(({ log, back, leaves, mixes }): GraphNode => {
    const x = values.at(-1)!;
    const y = view([batch, 2 ** log, 1, 1]);
    const before = values.slice(0, -1).findLast((v, i) => i >= values.length - 1 - back && v.shape[1] === y.shape[1]);
    values.push(y);
    if (leaves) outputs.push(y);
    const inputs = mixes ? [x] : [x, view([8, 8, 1, 1]), null, ...(before ? [before] : [])];
    return { op: mixes ? "softmax" : "conv2d", attrs: {}, inputs, outputs: [y] } as unknown as GraphNode;
  });
  return { input, nodes, outputs: [...outputs, values.at(-1)!] };
}

/** Runs a sliced graph with names of pictures in place of values. */
function follow(graph: Graph, batch: number, workers: number): { pieces: number; largest: number } {
  const values = new Set([graph.input, ...graph.nodes.flatMap(({ outputs }) => outputs)].map((v) => v.storage));
  const constants = new Set(
    graph.nodes.flatMap(({ inputs }) => inputs.flatMap((v) => (v && !values.has(v.storage) ? [v.storage] : []))),
  );
  const { graph: sliced, slices } = sliceBatch(graph, constants, workers);
  const memory = new Map<Storage, (string | undefined)[]>();
  const name = (v: View, picture: number): string => `${[...values].indexOf(v.storage)} ${picture}`;
  const places = ({ storage, shape }: View): { at: (string | undefined)[]; first: number; count: number } => {
    const count = shape[0]!;
    const each = storage.length / count;
    const { whole, offset } = slices.get(storage) ?? { whole: storage, offset: 0 };
    assert.not(slices.has(whole), "a piece of a piece");
    assert.ok(offset % each === 0 && offset + storage.length <= whole.length);
    if (!memory.has(whole)) memory.set(whole, new Array(whole.length / each).fill(undefined));
    return { at: memory.get(whole)!, first: offset / each, count };
  };
  for (let i = 0; i < batch; i++) places(graph.input).at[i] = name(graph.input, i);
  let largest = 0;
  for (const node of sliced.nodes) {
    const original = graph.nodes.find(({ attrs }) => attrs === node.attrs)!;
    let picture: number | undefined;
    node.inputs.forEach((v, j) => {
      const meant = original.inputs[j]!;
      if (v === null || constants.has(v.storage)) {
        assert.is(v, meant);
        return;
      }
      const { at, first, count } = places(v);
      picture ??= Number(at[first]?.split(" ")[1]);
      for (let i = 0; i < count; i++) assert.is(at[first + i], name(meant, picture + i));
    });
    node.outputs.forEach((v, j) => {
      const { at, first, count } = places(v);
      if (count < batch) largest = Math.max(largest, v.storage.length);
      for (let i = 0; i < count; i++) at[first + i] = name(original.outputs[j]!, picture! + i);
    });
  }
  for (const y of graph.outputs) {
    const { at, first } = places(y);
    for (let i = 0; i < batch; i++) assert.is(at[first + i], name(y, i));
  }
  return { pieces: sliced.nodes.length - graph.nodes.length, largest };
}

test("whatever the network, each piece reads the pictures that it is made of, after they were written, and writes them in their place", () => {
  let cut = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 13 }),
      fc.integer({ min: 1, max: 3 }),
      fc.array(layer, { minLength: 1, maxLength: 14 }),
      (batch, workers, layers) => {
        const { pieces, largest } = follow(networkOf(batch, layers), batch, workers);
        if (pieces > 0) cut++;
        const one = 2 ** Math.max(...layers.map(({ log }) => log)); // a single picture may be larger
        assert.ok(largest <= Math.max(workers << 20, one));
      },
    ),
    { numRuns: 500, seed: 11 },
  );
  assert.ok(cut > 250, `${cut} of 500 networks were cut`);
});

test("pieces of a network like ResNet-50 grow from stage to stage", () => {
  const logs = [18, 18, 17, 17, 16, 16]; // 2^18 floats a picture: four to a piece
  const graph = networkOf(
    16,
    logs.map((log) => ({ log, back: 0, leaves: false, mixes: false })),
  );
  const { graph: sliced } = sliceBatch(graph, new Set(graph.nodes.map(({ inputs }) => inputs[1]!.storage)), 1);
  const counts = sliced.nodes.map(({ outputs }) => outputs[0]!.shape[0]);
  // The layers that read the larger values belong to the smaller pieces.
  assert.equal(counts, [4, 4, 4, 4, 4, 4, 8, 8, 4, 4, 4, 4, 4, 4, 8, 8, 16]);
});

test.run();
