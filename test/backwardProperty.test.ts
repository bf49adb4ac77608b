import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { backward } from "../src/autograd/backward.ts";
import { recompute } from "../src/autograd/recompute.ts";
import type { Backend } from "../src/backend/backend.ts";
import { batchNorm, batchNormTrain } from "../src/ops/batchNorm.ts";
import { conv2d } from "../src/ops/conv2d.ts";
import { linear } from "../src/ops/linear.ts";
import { mul } from "../src/ops/mul.ts";
import { add, mulScalar, relu } from "../src/ops/pointwise.ts";
import { adaptiveAvgPool2d, avgPool2d, maxPool2d } from "../src/ops/pool2d.ts";
import { flatten, pad2d, padShortcut } from "../src/ops/shape.ts";
import { logSoftmax } from "../src/ops/softmax.ts";
import { setMemory } from "../src/tensor/memory.ts";
import { numel, type Shape } from "../src/tensor/shape.ts";
import { type Tensor, tensor } from "../src/tensor/tensor.ts";
import { testBackends } from "./support/backends.ts";
import { seeded } from "./support/values.ts";

/**
 * Random programs forth and back: values join, are used twice and thrice, computed values are weights, pieces are recomputed, what nobody needs is
 * disposed before the backward pass. Gradients on wasm are those of js; one and two threads give the same bits; no gradient shares memory with the seed;
 * and every byte comes back.
 */
const test = suite("backward: random programs");
const runs = 600;

const kinds = [
  "conv", "conv", "again", "computed", "norm", "train", "relu", "add", "twice", "mul", "square", "scale", "max", "mean", "areas", "pad",
  "shortcut", "flatten", "linear", "logSoftmax", "detach",
] as const; // biome-ignore format: a list
const plans = fc.record({
  steps: fc.array(
    fc.record({ kind: fc.constantFrom(...kinds), from: fc.nat(3), pick: fc.nat(1000), flag: fc.boolean() }),
    { minLength: 2, maxLength: 10 },
  ),
  shape: fc.tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom(1, 3, 4, 8, 17),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 9 }),
  ),
  seed: fc.nat(1000),
  times: fc.constantFrom(1, 1, 2),
});
type Plan = typeof plans extends fc.Arbitrary<infer T> ? T : never;

interface Found {
  readonly values: Float32Array;
  readonly gradients: readonly (Float32Array | null)[];
}

function run({ steps, shape, seed, times }: Plan): Found {
  const next = seeded(`${seed}`);
  const leaves: Tensor[] = [];
  const leaf = (size: Shape, grad = true): Tensor => {
    const t = tensor(
      Float32Array.from({ length: numel(size) }, () => 2 * next() - 1),
      size,
    );
    t.requiresGrad = grad;
    leaves.push(t);
    return t;
  };
  const input = leaf(shape);
  /** Parameters of each step, made at the first pass. */
  const made: (() => Tensor)[] = [];
  let values: Float32Array = new Float32Array(0);
  for (let time = 0; time < times; time++) {
    const all: Tensor[] = [input];
    const weights: Tensor[] = [];
    let used = 0;
    let normed = false;
    const own = (size: Shape, grad = true): Tensor => {
      const known = made[used++];
      if (known) return known();
      const t = leaf(size, grad);
      made.push(() => t);
      return t;
    };
    const put = (body: (x: Tensor) => Tensor, x: Tensor, again: boolean): void => {
      all.push(again && x !== input ? recompute(body, x) : body(x));
    };
    for (const { kind, from, pick, flag } of steps) {
      const x = all[Math.max(0, all.length - 1 - from)]!;
      const [n, c, h = 0, w = 0] = x.shape as [number, number, number?, number?];
      const flat = x.shape.length === 2;
      const same = all.filter((t) => `${t.shape}` === `${x.shape}`);
      const other = same[pick % same.length]!;
      const small = Math.min(h, w);
      if (kind === "conv" && !flat) {
        const k = [1, 2, 3, 5][pick % 4]!;
        const padding = flag ? k >> 1 : 0;
        if (small + 2 * padding < k) continue;
        const groups = pick % 3 === 0 ? c : 1;
        const weight = own([groups * (1 + (pick % 4)), c / groups, k, k], pick % 7 > 0);
        weights.push(weight);
        const bias = pick % 2 ? own([weight.shape[0]!]) : null;
        put((t) => conv2d(t, weight, bias, { stride: 1 + (pick % 3), padding, groups }), x, flag);
      } else if (kind === "again" && !flat) {
        const weight = weights.find(({ shape: [, wc, k] }) => wc === c && k! <= small + 2);
        if (weight) all.push(conv2d(x, weight, null, { padding: 1 }));
      } else if (kind === "computed" && !flat && numel(x.shape) < 800) all.push(conv2d(x, other));
      else if (kind === "norm") {
        const statistics = [own([c], false), own([c], false)] as const;
        statistics[1].set(new Float32Array(c).fill(1.5));
        all.push(batchNorm(x, ...statistics, flag ? own([c]) : null, flag ? own([c], false) : null));
      } else if (kind === "train" && !normed && numel(x.shape) / c > 7) {
        normed = true; // norms of norms of few values amplify rounding without end
        const residual = pick % 2 ? { residual: other } : {};
        const affine = [flag ? own([c]) : null, flag ? null : own([c])] as const;
        all.push(batchNormTrain(x, null, null, ...affine, { eps: 0.1, relu: pick % 3 === 0, ...residual }));
      } else if (kind === "relu") put(relu, x, flag);
      else if (kind === "add") all.push(add(x, pick % 3 === 0 ? own(x.shape) : other, { relu: flag }));
      else if (kind === "twice") put((t) => add(t, t, { relu: pick % 2 === 0 }), x, flag);
      else if (kind === "mul") all.push(mul(x, flag ? other : own(x.shape)));
      else if (kind === "square") put((t) => mul(t, t), x, flag);
      else if (kind === "scale") put((t) => mulScalar(t, [1, -0.5, 0][pick % 3]!), x, flag);
      else if (kind === "max" && small > 1) all.push(maxPool2d(x, 2, { stride: 1 + (pick % 3), padding: pick % 2 }));
      else if (kind === "mean" && small > 1) all.push(avgPool2d(x, 2, { padding: pick % 2, countIncludePad: flag }));
      else if (kind === "areas" && !flat) all.push(adaptiveAvgPool2d(x, 1 + (pick % 4)));
      else if (kind === "pad" && !flat && h + w < 24) all.push(pad2d(x, { left: 1, top: pick % 3, value: pick % 2 }));
      else if (kind === "shortcut" && !flat)
        all.push(padShortcut(x, { stride: 1 + (pick % 2), before: 1, after: pick % 3 }));
      else if (kind === "flatten" && !flat && c * h * w < 600) all.push(flatten(x));
      else if (kind === "linear" && flat)
        all.push(linear(x, own([1 + (pick % 9), c]), flag ? own([1 + (pick % 9)]) : null));
      else if (kind === "logSoftmax" && flat) all.push(logSoftmax(x));
      else if (kind === "detach" && n > 0 && pick % 4 === 0) all.push(x.detach());
    }
    const y = all.at(-1)!;
    values = y.dataSync();
    for (const t of all) if (t !== y && t !== input) t.dispose();
    if (y.gradient) {
      const dy = seeded("dy");
      const seedTensor = tensor(
        Float32Array.from({ length: y.size }, () => 2 * dy() - 1),
        y.shape,
      );
      backward(y, seedTensor);
      seedTensor.set(new Float32Array(y.size).fill(1e9));
      seedTensor.dispose();
    }
    if (y !== input) y.dispose();
  }
  const gradients = leaves.map(({ grad }) => grad?.dataSync() ?? null);
  for (const t of leaves) t.dispose();
  return { values, gradients };
}

/** Largest difference, as a share of the largest value that was expected. */
function error(found: Float32Array | null, expected: Float32Array | null): number {
  if (found === null || expected === null) return found === expected ? 0 : Number.POSITIVE_INFINITY;
  let largest = 1e-2;
  let difference = 0;
  expected.forEach((e, i) => {
    if (e === found[i]) return;
    largest = Math.max(largest, Math.abs(e));
    difference = Math.max(difference, Math.abs(e - found[i]!));
  });
  return difference / largest;
}

const bits = ({ values, gradients }: Found): string[] =>
  [values, ...gradients].map((a) =>
    a ? Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString("base64") : "none",
  );

test(`${runs} of them on js and on wasm with one and two threads`, async () => {
  const backends = (await testBackends()).filter(({ label }) => !label.includes("relaxed"));
  const on = (backend: Backend, plan: Plan): Found => {
    const before = setMemory(backend);
    try {
      const { used } = backend.info().memory;
      const found = run(plan);
      assert.is(backend.info().memory.used - used, 0, `${backend.name}: bytes were not given back`);
      return found;
    } finally {
      setMemory(before);
    }
  };
  const property = fc.property(plans, (plan) => {
    const [expected, ...others] = backends.map(({ backend }) => on(backend, plan));
    for (const found of others) {
      assert.equal(bits(found), bits(others[0]!), "other bits than with one thread");
      assert.ok(error(found.values, expected!.values) < 1e-4, "values");
      found.gradients.forEach((g, i) => {
        assert.not(g?.includes(1e9), `gradient of leaf ${i} is the seed's memory`);
        const off = error(g, expected!.gradients[i]!);
        assert.ok(off < 1e-3, `gradient of leaf ${i} is off by ${off}`);
      });
    }
  });
  fc.assert(property, { numRuns: runs, seed: 5, includeErrorInReport: true });
  for (const { backend } of backends) backend.dispose();
});

test.run();
