import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../src/index.ts";
import {
  add,
  batchNorm,
  type Compilable,
  type CompileOptions,
  compile,
  conv2d,
  full,
  info,
  init,
  maxPool2d,
  mulScalar,
  noGrad,
  relu,
  type Shape,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from "../src/index.ts";
import { seeded } from "./support/values.ts";

/** What compiled networks once computed wrongly, or did not give back. */
const test = suite("compile: weights used twice, constants made in forward, memory that runs out");

type Weights = Record<string, Tensor>;

function network(weights: Weights, forward: (x: Tensor) => readonly Tensor[]): Compilable<readonly Tensor[]> {
  return { forward: (x) => tidy(() => forward(x)), stateDict: () => new Map(Object.entries(weights)) };
}

function random(shape: Shape, seed = `${shape}`): Tensor {
  const next = seeded(seed);
  return tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * next() - 1),
    shape,
  );
}

/** max |difference| over max |expected| */
function relativeError(found: Float32Array, expected: Float32Array): number {
  assert.is(found.length, expected.length);
  let difference = 0;
  let largest = 1e-30;
  expected.forEach((e, i) => {
    difference = Math.max(difference, Math.abs(found[i]! - e));
    largest = Math.max(largest, Math.abs(e));
  });
  return difference / largest;
}

function values(outputs: readonly Tensor[]): Float32Array[] {
  return outputs.map((t) => {
    const data = t.dataSync();
    t.dispose();
    return data;
  });
}

function alike(found: readonly Float32Array[], expected: readonly Float32Array[], what: string): void {
  assert.is(found.length, expected.length, what);
  found.forEach((f, i) => {
    const error = relativeError(f, expected[i]!);
    assert.ok(error < 1e-5, `${what}, output ${i}: ${error}`);
  });
}

/** Compiled for the first shape, then by forShape for the others, with and without low memory, against eager execution. */
async function agrees(what: string, net: Compilable<readonly Tensor[]>, ...shapes: Shape[]): Promise<void> {
  for (const memory of ["default", "low"] as const) {
    const first = await compile(net, shapes[0]!, { keepModel: true, memory });
    for (const shape of shapes) {
      const x = random(shape, "input");
      const compiled = await first.forShape(shape);
      alike(
        values(compiled.runSync(x)),
        values(noGrad(() => net.forward(x))),
        `${what}, ${memory} memory, input ${shape}`,
      );
      compiled.dispose();
      x.dispose();
    }
    first.dispose();
  }
}

async function failure(body: () => unknown): Promise<Error & { code?: string }> {
  try {
    await body();
  } catch (error) {
    return error as Error;
  }
  throw new Error("should fail");
}

const memory = () => {
  const { used, blocks } = info().memory;
  return { used, blocks };
};

test.before(async () => {
  await init({ backend: "wasm", threads: 1, relaxed: false });
  tidy(() => void relu(zeros([1]))); // eager execution keeps a block for its commands
});

test("one weight in two convolutions: strides, dilations, paddings, sizes", async () => {
  const w = random([32, 32, 3, 3]);
  const at = (x: Tensor, options: object) => conv2d(x, w, null, { padding: 1, ...options });
  const shape = [1, 32, 16, 16];
  const twice: [string, (x: Tensor) => readonly Tensor[]][] = [
    ["stride 1, then 2", (x) => [at(at(x, {}), { stride: 2 })]],
    ["stride 2, then 1", (x) => [at(at(x, { stride: 2 }), {})]],
    ["dilation 1 and 2", (x) => [at(x, {}), at(x, { dilation: 2, padding: 2 })]],
    ["two sizes", (x) => [at(maxPool2d(at(x, {}), 4), {})]],
    ["padding and none", (x) => [at(x, {}), at(x, { padding: 0 })]],
  ];
  for (const [what, forward] of twice) await agrees(what, network({ w }, forward), shape, [2, 32, 5, 7], shape);
});

test("one weight in convolutions of different groups", async () => {
  const [w, b] = [random([8, 4, 3, 3]), random([8])];
  const at = (x: Tensor, groups: number) => conv2d(x, w, b, { padding: 1, groups });
  const shape = [2, 8, 5, 6];
  await agrees(
    "of two and one",
    network({ w, b }, (x) => [at(at(x, 2), 2), at(lib.padShortcut(x, { stride: 1, before: 0, after: 8 }), 4)]),
    shape,
  );
  await agrees(
    "of four and two",
    network({ w, b }, (x) => [at(lib.padShortcut(x, { stride: 1, before: 0, after: 8 }), 4), at(x, 2)]),
    shape,
  );
});

test("one weight under two shapes", async () => {
  const w = random([6, 8]);
  const net = network({ w }, (x) => [lib.linear(lib.linear(x, w), w.view([8, 6]))]);
  await agrees("a linear layer and its view", net, [2, 8], [5, 8]);
});

test("one weight of Strassen's step at two sizes, and with padding", async () => {
  const w = random([128, 128, 1, 1]);
  const shape = [1, 128, 16, 16];
  const sizes = network({ w }, (x) => [conv2d(maxPool2d(conv2d(x, w), 4), w)]);
  await agrees("two sizes", sizes, shape, [1, 128, 4, 4], [2, 128, 12, 9]);
  const padded = network({ w }, (x) => [conv2d(x, w), conv2d(x, w, null, { padding: 1 })]);
  await agrees("with padding", padded, shape, [1, 128, 3, 3]);
});

test("one 3x3 weight of stride 2, large and small", async () => {
  const w = random([64, 64, 3, 3]);
  const down = (x: Tensor) => conv2d(x, w, null, { padding: 1, stride: 2 });
  const net = network({ w }, (x) => [down(maxPool2d(down(x), 8))]);
  await agrees("stride 2", net, [1, 64, 64, 64], [1, 64, 16, 16]);
});

test("one weight before two batch norms and none", async () => {
  const [w, m, g, b] = [random([8, 8, 1, 1]), random([8], "m"), random([8], "g"), random([8], "b")];
  const s = full([8], 4);
  const net = network({ w, m, g, b, s }, (x) => [
    batchNorm(conv2d(x, w), m, s, g, b),
    batchNorm(conv2d(x, w), s, s, b, g),
    conv2d(x, w),
  ]);
  await agrees("batch norms", net, [1, 8, 8, 8], [3, 8, 5, 4]);
});

test("weights, biases and statistics that forward computes, before a batch norm", async () => {
  const [w, v, m, g, b] = [
    random([8, 8, 3, 3]),
    random([8, 8, 3, 3], "v"),
    random([8], "m"),
    random([8], "g"),
    random([8], "b"),
  ];
  const s = full([8], 4);
  const same = { padding: 1 };
  const net = network({ w, v, m, g, b, s }, (x) => [
    batchNorm(conv2d(x, add(w, v), null, same), m, s, g, b),
    batchNorm(conv2d(x, w, mulScalar(b, 2), same), m, s, g, b),
    batchNorm(conv2d(x, w, b, same), m, mulScalar(s, 2), g, b),
  ]);
  await agrees("computed", net, [1, 8, 8, 8]);
});

test("an input that is the weight of a convolution with a batch norm behind it is not multiplied at every run", async () => {
  const [k, m, s] = [random([1, 8, 6, 6], "k"), random([8], "m"), full([8], 4)];
  const net = network({ k, m, s }, (x) => [batchNorm(conv2d(k, x, null, { padding: 1 }), m, s, null, null)]);
  const shape = [8, 8, 3, 3];
  const x = random(shape, "input");
  const before = x.dataSync();
  const compiled = await compile(net, shape, { keepModel: true });
  const expected = values(noGrad(() => net.forward(x)));
  for (let i = 0; i < 2; i++) alike(values(compiled.runSync(x)), expected, `run ${i}`);
  assert.equal(x.dataSync(), before);
  compiled.dispose();
});

test("a constant picture in front of a 7x7 convolution of stride 2 and its pooling", async () => {
  const [w, k] = [random([64, 3, 7, 7]), random([1, 3, 224, 224])];
  const net = network({ w, k }, (x) => [
    add(maxPool2d(relu(conv2d(k, w, null, { stride: 2, padding: 3 })), 3, { stride: 2, padding: 1 }), x),
  ]);
  await agrees("constant input", net, [1, 64, 56, 56]);
});

test("tensors made in forward keep their own values", async () => {
  const shape = [1, 2, 2, 2];
  const fresh = network({}, (x) => [add(add(x, full(shape, 1)), full(shape, 100))]);
  await agrees("two of one shape", fresh, shape);
  for (const sizes of [[1, 4], shape]) {
    const buffer = new Float32Array(sizes.reduce((a, b) => a * b));
    const reused = network({}, (x) => {
      let h = x;
      for (let i = 1; i < 4; i++) h = add(h, tensor(buffer.fill(i * 10 ** i), sizes));
      return [h];
    });
    await agrees("one array for three", reused, sizes);
  }
});

test("a tensor that is written again after an op has read it is refused", async () => {
  const net = network({}, (x) => {
    const t = full([1, 4], 1);
    const a = add(x, t);
    return [add(a, t.set([1, 2, 3, 4]))];
  });
  const error = await failure(() => compile(net, [1, 4]));
  assert.is(error.code, "ERR_CAPTURE");
  assert.match(error.message, /written again/);
});

test("a parameter or a constant as an output; a parameter that is kept stays the model's own", async () => {
  for (const keepModel of [true, false]) {
    for (const bare of [true, false]) {
      const before = memory();
      const p = random([1, 4], "p");
      const expected = p.dataSync();
      const forward = (x: Tensor) => {
        const z = full([1, 4], 7);
        return [relu(x), p, z, add(x, z), p.view([4])];
      };
      const compiled = await compile(
        bare ? { forward, stateDict: () => new Map([["p", p]]) } : network({ p }, forward),
        [1, 4],
        { keepModel },
      );
      assert.is(p.disposed, !keepModel, "the model's own");
      const x = random([1, 4], "input");
      for (let i = 0; i < 2; i++) {
        const [y, out, z, sum, flat] = values(compiled.runSync(x)) as [
          Float32Array,
          Float32Array,
          Float32Array,
          Float32Array,
          Float32Array,
        ];
        const input = x.dataSync();
        assert.equal(
          y,
          input.map((v) => Math.max(v, 0)),
        );
        assert.equal([out, flat], [expected, expected]);
        assert.equal(z, new Float32Array(4).fill(7));
        assert.equal(
          sum,
          input.map((v) => v + 7),
        );
      }
      if (keepModel) assert.equal(p.dataSync(), expected);
      for (const t of [compiled, x, p]) t.dispose();
      assert.equal(memory(), before);
    }
  }
});

test("a compile that runs out of memory gives everything back, with kept models and without", async () => {
  for (const options of [{ keepModel: true }, {}] satisfies CompileOptions[]) {
    const start = memory();
    const net = lib.resnet18({ numClasses: 10, init: "empty" }).eval();
    for (const t of net.stateDict().values()) t.dataSync();
    const before = memory();
    assert.match((await failure(() => compile(net, [1, 3, 16000, 16000], options))).message, /memory/);
    if (options.keepModel) {
      assert.equal(memory(), before);
      const compiled = await compile(net, [1, 3, 32, 32], options);
      compiled.dispose();
      assert.equal(memory(), before);
    }
    net.dispose();
    assert.equal(memory(), start);
  }
});

test("a run that fails gives back what it made", async () => {
  const compiled = await compile({ forward: (x: Tensor) => [relu(x), x, mulScalar(x, 2)] }, [1, 4]);
  const gone = zeros([1, 4]);
  gone.dispose();
  const before = memory();
  assert.match((await failure(() => compiled.runSync(gone))).message, /disposed/);
  assert.equal(memory(), before);
  compiled.dispose();
});

test.run();
