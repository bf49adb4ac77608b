import { setMemory } from "../tensor/memory.ts";
import { numel, type Shape } from "../tensor/shape.ts";
import { Storage } from "../tensor/storage.ts";
import type { Backend, OpAttrs, OpName, View } from "./backend.ts";

interface Try {
  readonly op: OpName;
  readonly attrs: OpAttrs[OpName];
  readonly inputs: readonly (Shape | null)[];
  readonly output: Shape;
}

const window = (kernel: number, stride: number, pad: number) => ({
  kernelH: kernel,
  kernelW: kernel,
  strideH: stride,
  strideW: stride,
  padH: pad,
  padW: pad,
  dilationH: 1,
  dilationW: 1,
});

/**
 * What GPU drivers and compilers of shaders were seen to get wrong: a first convolution with three channels, stride 2 on odd sizes,
 * tails of channels, fused epilogues, groups, and a pool's border.
 */
const tries: readonly Try[] = [
  {
    op: "conv2d",
    attrs: { ...window(7, 2, 3), groups: 1 },
    inputs: [
      [2, 3, 19, 17],
      [8, 3, 7, 7],
    ],
    output: [2, 8, 10, 9],
  },
  {
    op: "conv2d",
    attrs: { ...window(3, 1, 1), groups: 1, relu: true },
    inputs: [[1, 16, 7, 9], [20, 16, 3, 3], [20], [1, 20, 7, 9]],
    output: [1, 20, 7, 9],
  },
  {
    op: "conv2d",
    attrs: { ...window(3, 2, 1), groups: 4 },
    inputs: [
      [1, 12, 9, 7],
      [8, 3, 3, 3],
    ],
    output: [1, 8, 5, 4],
  },
  {
    op: "conv2d",
    attrs: { ...window(1, 2, 0), groups: 1 },
    inputs: [
      [1, 6, 9, 9],
      [5, 6, 1, 1],
    ],
    output: [1, 5, 5, 5],
  },
  { op: "maxPool2d", attrs: window(3, 2, 1), inputs: [[1, 5, 9, 7]], output: [1, 5, 5, 4] },
  { op: "linear", attrs: {}, inputs: [[3, 37], [11, 37], [11]], output: [3, 11] },
];

/** Rounding differs between devices; a wrong pixel is larger by orders of magnitude. */
const allowed = 1e-4;

/** Compares a few ops of `backend` with `reference`. Returns what is wrong, for people; undefined when nothing is. */
export async function selfTest(backend: Backend, reference: Backend): Promise<string | undefined> {
  for (const each of tries) {
    const expected = await run(reference, each);
    const found = await run(backend, each);
    const largest = expected.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    const at = expected.findIndex((v, i) => !(Math.abs(v - found[i]!) <= allowed * largest));
    if (at >= 0) {
      const shape = each.inputs.map((s) => (s === null ? "-" : s.join("x"))).join(", ");
      return `${each.op} of ${shape}: output ${at} is ${found[at]}, expected ${expected[at]}`;
    }
  }
  return undefined;
}

async function run(backend: Backend, { op, attrs, inputs, output }: Try): Promise<Float32Array> {
  const views = within(backend, () => [...inputs, output].map((shape) => shape && filled(shape)));
  const y = views.at(-1)!;
  try {
    backend.launch(op, attrs, views.slice(0, -1), [y]);
    return await y.storage.read();
  } finally {
    for (const view of views) view?.storage.release();
  }
}

function within<T>(backend: Backend, body: () => T): T {
  const previous = setMemory(backend);
  try {
    return body();
  } finally {
    setMemory(previous);
  }
}

function filled(shape: Shape): View {
  const storage = new Storage(numel(shape));
  storage.write(Float32Array.from({ length: storage.length }, (_, i) => ((i * 2654435761) % 1009) / 504.5 - 1));
  return { storage, shape };
}
