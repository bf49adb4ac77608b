import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  add,
  compile,
  full,
  info,
  init,
  manualSeed,
  mulScalar,
  nn,
  noGrad,
  padShortcut,
  randn,
  relu,
  type Shape,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from "../src/index.ts";

/**
 * Random networks, compiled: what eager execution gives; the same bits for one and two threads, for a picture alone and in its batch, and at
 * another run; and every byte back. Layers are used again, values join, some are outputs, some nobody asks for.
 */
const test = suite("compile: random networks");
const runs = 300;

/** One step. Numbers choose by remainder among what is possible where they stand, so that every list of steps is a network. */
interface Step {
  readonly kind: (typeof kinds)[number];
  /** Which value it takes, counted from the newest. */
  readonly from: number;
  readonly pick: number;
  readonly size: number;
  readonly stride: number;
  readonly flag: boolean;
}

const kinds = [
  "conv",
  "conv",
  "conv",
  "again",
  "again",
  "norm",
  "norm",
  "relu",
  "add",
  "add",
  "pool",
  "adaptive",
  "pad",
  "scale",
  "constant",
  "dropout",
  "flatten",
  "linear",
  "softmax",
] as const;

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom(...kinds),
    from: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(20) }),
    pick: fc.nat(1000),
    size: fc.integer({ min: 1, max: 40 }),
    stride: fc.constantFrom(1, 1, 1, 2, 3),
    flag: fc.boolean(),
  }) as fc.Arbitrary<Step>,
  { minLength: 2, maxLength: 14 },
);

const networks = fc.record({
  steps,
  c: fc.constantFrom(1, 3, 4, 16, 32),
  h: fc.integer({ min: 1, max: 24 }),
  w: fc.integer({ min: 1, max: 24 }),
  n: fc.integer({ min: 1, max: 4 }),
  /** Outputs beside the newest value: 0 is the input. */
  outputs: fc.array(fc.nat(20), { maxLength: 3 }),
  low: fc.boolean(),
  seed: fc.nat(1000),
});
type Plan = typeof networks extends fc.Arbitrary<infer T> ? T : never;

interface Op {
  readonly inputs: readonly number[];
  run(...inputs: Tensor[]): Tensor;
}

class Graph extends nn.Module<readonly Tensor[]> {
  readonly layers: nn.Sequential;
  readonly #ops: readonly Op[];
  readonly #outputs: readonly number[];

  constructor(layers: nn.Module[], ops: readonly Op[], outputs: readonly number[]) {
    super();
    this.layers = new nn.Sequential(...layers);
    this.#ops = ops;
    this.#outputs = outputs;
  }

  forward(x: Tensor): readonly Tensor[] {
    return tidy(() => {
      const values = [x];
      for (const { inputs, run } of this.#ops) values.push(run(...inputs.map((i) => values[i]!)));
      return this.#outputs.map((i) => values[i]!);
    });
  }
}

function build({ c, h, w, steps, outputs, seed }: Plan): Graph {
  manualSeed(seed);
  const shapes: Shape[] = [[c, h, w]];
  const layers: nn.Module[] = [];
  const convs: nn.Conv2d[] = [];
  const ops: Op[] = [];
  const put = (shape: Shape, inputs: readonly number[], run: Op["run"]) => {
    ops.push({ inputs, run });
    shapes.push(shape);
  };
  const layer = <M extends nn.Module & { forward(x: Tensor): Tensor }>(made: M, shape: Shape, from: number): M => {
    layers.push(made);
    put(shape, [from], (x) => made.forward(x));
    return made;
  };
  for (const { kind, from, pick, size, stride, flag } of steps) {
    const at = shapes.length - 1 - (from % shapes.length);
    const shape = shapes[at]!;
    const [channels, height, width] = shape as [number, number, number];
    const flat = shape.length === 1;
    const window = (k: number, s: number, p: number, d = 1) =>
      [height, width].map((side) => Math.floor((side + 2 * p - d * (k - 1) - 1) / s) + 1) as [number, number];
    const convolve = (conv: nn.Conv2d, fresh: boolean) => {
      const [k, s, p, d] = [conv.kernelSize[0], conv.stride[0], conv.padding[0], conv.dilation[0]];
      const out = window(k, s, p, d);
      if (Math.min(...out) < 1) return;
      if (fresh) convs.push(layer(conv, [conv.outChannels, ...out], at));
      else put([conv.outChannels, ...out], [at], (x) => conv.forward(x));
    };
    if (kind === "conv" && !flat) {
      const k = [1, 1, 3, 3, 3, 5, 7][pick % 7]!;
      const out = [4, 8, 16, 24, 32, 64][size % 6]!;
      const groups = pick % 5 === 0 && out % channels === 0 ? channels : 1;
      const options = {
        stride,
        padding: pick % 3 === 0 ? 0 : k >> 1,
        dilation: pick % 11 === 0 ? 2 : 1,
        groups,
        bias: flag,
      };
      convolve(new nn.Conv2d(channels, out, k, options), true);
    } else if (kind === "again" && !flat) {
      const fitting = convs.filter(({ inChannels }) => inChannels === channels);
      if (fitting.length > 0) convolve(fitting[pick % fitting.length]!, false);
    } else if (kind === "norm") {
      const norm = layer(new nn.BatchNorm2d(channels, { affine: flag }), shape, at);
      const some = (low: number, high: number) =>
        Float32Array.from({ length: channels }, (_, i) => low + ((high - low) * ((i * 37 + pick) % 101)) / 101);
      norm.running_mean.set(some(-1, 1));
      norm.running_var.set(some(0.3, 2.3));
      norm.weight?.set(some(-1, 1));
      norm.bias?.set(some(-0.5, 1));
    } else if (kind === "relu") put(shape, [at], (x) => relu(x));
    else if (kind === "add") {
      const same = shapes.flatMap((other, i) => (`${other}` === `${shape}` ? [i] : []));
      put(shape, [at, same[pick % same.length]!], (a, b) => add(a!, b!, { relu: flag }));
    } else if (kind === "pool" && !flat) {
      const [k, p] = [2 + (pick % 2), pick % 3 === 0 ? 1 : 0];
      const out = window(k, stride, p);
      if (Math.min(...out) < 1) continue;
      const options = { stride, padding: p };
      const made = flag
        ? new nn.MaxPool2d(k, options)
        : new nn.AvgPool2d(k, { ...options, countIncludePad: pick % 2 === 0 });
      layer(made, [channels, ...out], at);
    } else if (kind === "adaptive" && !flat) {
      const side = 1 + (pick % 3);
      layer(flag ? new nn.AdaptiveAvgPool2d(side) : new nn.AdaptiveMaxPool2d(side), [channels, side, side], at);
    } else if (kind === "pad" && !flat) {
      if (flag) layer(new nn.ZeroPad2d([1, 0, 2, 1]), [channels, height + 3, width + 1], at);
      else {
        const [s, before, after] = [1 + (pick % 2), pick % 3, size % 3];
        const out = [channels + before + after, Math.ceil(height / s), Math.ceil(width / s)];
        put(out, [at], (x) => padShortcut(x, { stride: s, before, after }));
      }
    } else if (kind === "scale") put(shape, [at], (x) => mulScalar(x, -0.5));
    else if (kind === "constant") put(shape, [at], (x) => add(x, full(x.shape, pick / 1000)));
    else if (kind === "dropout") layer(new nn.Dropout(), shape, at);
    else if (kind === "flatten" && !flat && channels * height * width < 3000) {
      layer(new nn.Flatten(), [channels * height * width], at);
    } else if (kind === "linear" && flat) layer(new nn.Linear(channels, size, { bias: flag }), [size], at);
    else if (kind === "softmax" && flat) layer(new nn.Softmax(), shape, at);
  }
  return new Graph(layers, ops, [shapes.length - 1, ...outputs.map((i) => i % shapes.length)]).eval();
}

const data = (run: () => readonly Tensor[]): Float32Array[] => tidy(() => run().map((t) => t.dataSync()));

/** Runs of 32-bit floats as texts, so that NaN and -0 are compared as well. */
const bits = (all: readonly Float32Array[]): string[] =>
  all.map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString("base64"));

function near(found: Float32Array, expected: Float32Array): boolean {
  let largest = 1e-30;
  for (const e of expected) largest = Math.max(largest, Math.abs(e));
  return found.length === expected.length && found.every((f, i) => Math.abs(f - expected[i]!) <= 1e-4 * largest);
}

/** Everything that is said of one network; its bits. */
async function check(plan: Plan): Promise<string[]> {
  const { n, c, h, w } = plan;
  const shape = [n, c, h, w];
  const memory = plan.low ? "low" : "default";
  const before = info().memory.used;
  const net = build(plan);
  const x = randn(shape);
  const expected = data(() => noGrad(() => net.forward(x)));
  const compiled = await compile(net, shape, { keepModel: true, memory });
  const found = data(() => compiled.runSync(x));
  found.forEach((f, i) => {
    assert.ok(near(f, expected[i]!), `output ${i} is not what eager execution gives`);
  });
  const whole = bits(found);
  assert.equal(bits(data(() => compiled.runSync(x))), whole, "a second run");
  const one = await compiled.forShape([1, c, h, w]);
  const picture = tensor(x.dataSync().slice(0, c * h * w), [1, c, h, w]);
  const alone = bits(data(() => one.runSync(picture)));
  assert.equal(alone, bits(found.map((f) => f.slice(0, f.length / n))), "the first picture alone");
  for (const t of [compiled, one, picture, net]) t.dispose();
  const again = build(plan);
  const taken = await compile(again, shape, { memory });
  assert.equal(bits(data(() => taken.runSync(x))), whole, "with the model's memory taken");
  for (const t of [taken, again, x]) t.dispose();
  assert.is(info().memory.used - before, 0, "bytes were not given back");
  return whole;
}

for (const relaxed of [false, true]) {
  test(`${runs} of them, ${relaxed ? "relaxed" : "strict: same bits for one and two threads"}`, async () => {
    const seen = new Map<string, string[]>();
    for (const threads of relaxed ? [1] : [1, 2]) {
      await init({ backend: "wasm", threads, relaxed });
      tidy(() => void relu(zeros([1]))); // eager execution keeps a block for its commands
      const property = fc.asyncProperty(networks, async (plan) => {
        const found = await check(plan);
        const key = JSON.stringify(plan);
        assert.equal(found, seen.get(key) ?? found, "other bits than with one thread");
        seen.set(key, found);
      });
      await fc.assert(property, { numRuns: runs, seed: 4, includeErrorInReport: true });
    }
    assert.is(seen.size, runs);
  });
}

test.run();
