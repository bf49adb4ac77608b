import { test } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../src/index.ts";
import {
  add,
  type Compilable,
  compile,
  conv2d,
  info,
  init,
  maxPool2d,
  nn,
  noGrad,
  relu,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from "../src/index.ts";
import { fillInput, fillTensor } from "./support/fill.ts";
import { goldenTensor, readGolden } from "./support/golden.ts";

/** Compiled networks against PyTorch's 64-bit logits and against eager execution. */

type Net = lib.ResNet;
type Make = (options: { init: "empty" }) => Net;

const networks = {
  resnet18: lib.resnet18,
  resnet34: lib.resnet34,
  resnet50: lib.resnet50,
  resnext50_32x4d: lib.resnext50_32x4d,
  plain18: lib.plain18,
  cifar_resnet20: lib.cifarResnet20,
  cifar_resnet110: lib.cifarResnet110,
  cifar_plain20: lib.cifarPlain20,
} as unknown as Record<string, Make>;

const modes = ["default", "low"] as const;

function build(name: string): Net {
  const net = networks[name]!({ init: "empty" });
  for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape, name.includes("plain")));
  return net;
}

/** max |difference| over max |expected| */
function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(found[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  assert.is(found.length, expected.length);
  return difference / largest;
}

function values(y: Tensor): Float32Array {
  const data = y.dataSync();
  y.dispose();
  return data;
}

const picture = (shape: [number, number, number, number], key?: string): Tensor => tensor(fillInput(shape, key), shape);
const used = (): number => info().memory.used;

test.before(async () => {
  await init({ backend: "wasm" });
  tidy(() => void relu(zeros([1]))); // eager execution keeps a block for its commands
});

for (const name of Object.keys(networks)) {
  test(`${name}: logits within 1e-5 of PyTorch's in 64 bits, default and low memory`, async () => {
    const expected = goldenTensor(readGolden(`logits-${name}.safetensors`), "f64");
    const size = name.startsWith("cifar") ? 32 : 224;
    const shape: [number, number, number, number] = [expected.shape[0]!, 3, size, size];
    const x = picture(shape);
    for (const memory of name === "resnet34" || name === "plain18" ? (["default"] as const) : modes) {
      const compiled = await compile(build(name), shape, { memory });
      const error = relativeError(values(await compiled.run(x)), expected.data);
      assert.ok(error <= 1e-5, `${memory}: error ${error}`);
      compiled.dispose();
    }
    x.dispose();
  });
}

test("an odd size and a batch of three, sharing the packed weights of another shape", async () => {
  const golden = goldenTensor(readGolden("logits-resnet18.safetensors"), "odd.f64");
  const compiled = await compile(build("resnet18"), [1, 3, 224, 224]);
  const before = used();
  const odd = await compiled.forShape([3, 3, 193, 257]);
  assert.ok(used() - before < odd.memory.arena + odd.memory.commands + 4096, "packed weights were made again");
  compiled.dispose();
  const x = picture([3, 3, 193, 257], "odd");
  const y = values(odd.runSync(x));
  const hundred = Float32Array.from({ length: 300 }, (_, i) => y[Math.floor(i / 100) * 1000 + (i % 100)]!);
  const error = relativeError(hundred, golden.data);
  assert.ok(error <= 1e-5, `error ${error}`);
  odd.dispose();
  x.dispose();
});

test("the model is given back unless it is kept, and says so when it is used", async () => {
  const before = used();
  const net = build("cifar_resnet20");
  const compiled = await compile(net, [1, 3, 32, 32]);
  const x = picture([1, 3, 32, 32]);
  assert.throws(() => net.forward(x), /disposed/);
  compiled.dispose();
  x.dispose();
  assert.is(used(), before);

  const kept = build("cifar_resnet20");
  const again = await compile(kept, [2, 3, 32, 32], { keepModel: true });
  const two = picture([2, 3, 32, 32]);
  kept.eval();
  assert.ok(relativeError(values(again.runSync(two)), values(noGrad(() => kept.forward(two)))) < 1e-5);
  again.dispose();
  two.dispose();
  kept.dispose();
  assert.is(used(), before);
});

test("training mode is left as it was, and evaluation mode is used", async () => {
  const net = build("cifar_resnet20").train();
  const compiled = await compile(net, [4, 3, 32, 32], { keepModel: true });
  assert.ok(net.training && net.bn1.training);
  const expected = goldenTensor(readGolden("logits-cifar_resnet20.safetensors"), "f64");
  const x = picture([4, 3, 32, 32]);
  assert.ok(relativeError(values(compiled.runSync(x)), expected.data) <= 1e-5);
  compiled.dispose();
  net.dispose();
  x.dispose();
});

test("the same graph runs on the js backend", async () => {
  await init({ backend: "js" });
  try {
    const before = used();
    const expected = goldenTensor(readGolden("logits-cifar_resnet20.safetensors"), "f64");
    const compiled = await compile(build("cifar_resnet20"), [4, 3, 32, 32]);
    const x = picture([4, 3, 32, 32]);
    assert.ok(relativeError(values(compiled.runSync(x)), expected.data) <= 1e-6);
    compiled.dispose();
    x.dispose();
    assert.is(used(), before);
  } finally {
    await init({ backend: "wasm", threads: 1 });
    tidy(() => void relu(zeros([1])));
  }
});

test("batch norm, residual and ReLU are inside the convolutions", async () => {
  const compiled = await compile(build("resnet18"), [1, 3, 64, 64]);
  const ops = compiled.graph.nodes.map((node) => node.op);
  assert.is(ops.filter((op) => op === "conv2d").length, 20);
  assert.equal([...new Set(ops)].sort(), ["adaptiveAvgPool2d", "conv2d", "linear", "maxPool2d"]);
  const residuals = compiled.graph.nodes.filter((node) => node.op === "conv2d" && node.inputs[3]);
  assert.is(residuals.length, 8);
  compiled.dispose();
});

/** A function of tensors as a network. */
function network<Out>(weights: Record<string, Tensor>, forward: (x: Tensor) => Out): Compilable<Out> {
  return { forward: (x) => tidy(() => forward(x)), stateDict: () => new Map(Object.entries(weights)) };
}

const ramp = (shape: readonly number[], step = 0.37): Tensor => {
  const length = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length }, (_, i) => Math.sin(i * step)),
    shape,
  );
};

test("views, shared values, weights that are computed, tensors made inside, several outputs, the input as an output", async () => {
  const weights = { w: ramp([5, 3, 3, 3]), v: ramp([5, 3, 3, 3], 0.11), f: ramp([2, 5]) };
  const net = network(weights, (x) => {
    const a = conv2d(x, weights.w, null, { padding: 1 });
    const b = relu(conv2d(x, add(weights.w, weights.v), null, { padding: 1 }));
    const c = add(relu(a), add(a, b));
    const pooled = lib.adaptiveAvgPool2d(c).view([2, 5]);
    return {
      c,
      list: [lib.linear(pooled, weights.f), add(b, lib.full([2, 5, 6, 7], 0.5))],
      a,
      same: x.view([2, 3, 6, 7]),
    };
  });
  const x = ramp([2, 3, 6, 7], 0.51);
  const expected = noGrad(() => net.forward(x));
  const compiled = await compile(net, [2, 3, 6, 7], { keepModel: true });
  const found = await compiled.run(x);
  const pairs: [Tensor, Tensor][] = [
    [found.c, expected.c],
    [found.list[0]!, expected.list[0]!],
    [found.list[1]!, expected.list[1]!],
    [found.a, expected.a],
    [found.same, expected.same],
  ];
  for (const [f, e] of pairs) {
    assert.equal(f.shape, e.shape);
    assert.ok(relativeError(values(f), values(e)) < 1e-5);
  }
  compiled.dispose();
});

/** Whether each picture of a batch has, in each output, the bits that it has by itself. */
function sameBitsAlone(
  whole: lib.CompiledNetwork<readonly Tensor[]>,
  single: lib.CompiledNetwork<readonly Tensor[]>,
  x: Tensor,
  what: string,
): void {
  const found = whole.runSync(x).map((t) => t.dataSync());
  const values = x.dataSync();
  const [n, ...shape] = x.shape as [number, ...number[]];
  const length = values.length / n;
  for (let i = 0; i < n; i++) {
    single.runSync(tensor(values.slice(i * length, (i + 1) * length), [1, ...shape])).forEach((t, j) => {
      const alone = t.dataSync();
      assert.is(alone.length * n, found[j]!.length);
      assert.ok(
        alone.every((value, k) => Object.is(value, found[j]![i * alone.length + k])),
        `${what}picture ${i}, output ${j}`,
      );
    });
  }
}

test("a batch of large pictures goes through the first layers in pieces, with the bits of each picture by itself", async () => {
  const weights = { w: ramp([24, 3, 3, 3]), v: ramp([24, 24, 3, 3], 0.11), u: ramp([40, 24, 1, 1], 0.05) };
  const { w, v, u } = weights;
  const paddingOne = { padding: 1 } as const;
  const forward = (x: Tensor) => {
    const a = relu(conv2d(x, w, null, paddingOne));
    const b = add(conv2d(a, v, null, paddingOne), a); // `a` twice: a residual
    return [conv2d(b, u, null, { stride: 2 }), b] as const; // `b` leaves the network as well
  };
  const [n, size] = [3, 224]; // 24 x 224 x 224 floats: one picture a piece
  const x = picture([n, 3, size, size]);
  const whole = await compile(network(weights, forward), x.shape, { keepModel: true });
  const single = await compile(network(weights, forward), [1, 3, size, size], { keepModel: true });
  sameBitsAlone(whole, single, x, "");
  // Input and output `b` of all pictures, other values of one picture only.
  const floats = size * size * (3 * n + 24 * n + 40 * (n / 4) + 2 * 24) + 27 * (size + 2) ** 2;
  assert.ok(whole.memory.arena < 4 * floats * 1.2, `${whole.memory.arena} bytes for ${4 * floats}`);

  // What is no picture of the batch may not be cut: a constant of the batch's shape, and one of a single picture's weights' shape.
  const most = ramp([n, 24, size, size], 0.01);
  const added = await compile(
    network({ w, most }, (t) => add(relu(conv2d(t, w, null, paddingOne)), most)),
    x.shape,
    { keepModel: true },
  );
  const eager = noGrad(() => add(relu(conv2d(x, w, null, paddingOne)), most)).dataSync();
  const fast = added.runSync(x).dataSync();
  assert.ok(eager.every((value, i) => Math.abs(value - fast[i]!) < 1e-4));
});

test("pieces of later layers are made of smaller ones of the layers before, with the bits of each picture by itself", async () => {
  const weights = { w: ramp([16, 3, 3, 3]), v: ramp([16, 16, 3, 3], 0.11), u: ramp([24, 16, 1, 1], 0.05) };
  const { w, v, u } = weights;
  const padded = { padding: 1 } as const;
  const [n, size] = [6, 256];
  const forward = (x: Tensor) => {
    const a = maxPool2d(relu(conv2d(x, w, null, padded)), 2); // 16 x 256 x 256 floats: one picture a piece
    const b = conv2d(a, v, null, padded); // 16 x 128 x 128: four, then two
    const c = add(conv2d(b, v, null, padded), a); // `a` was made in smaller pieces
    const d = maxPool2d(c, 2);
    return [conv2d(d, u), c] as const; // 16 x 64 x 64: all six; `c` leaves the network as well
  };
  const x = picture([n, 3, size, size]);
  const whole = await compile(network(weights, forward), x.shape, { keepModel: true });
  const single = await compile(network(weights, forward), [1, 3, size, size], { keepModel: true });
  sameBitsAlone(whole, single, x, "");
  // One picture of the first layer, four of `a` and `b`, all of the input, of `c`, of `d` and of the other output.
  const floats = size * size * (16 + (2 * 4 * 16) / 4 + n * (3 + 16 / 4 + 16 / 16 + 24 / 16));
  assert.ok(whole.memory.arena < 4 * floats * 1.1, `${whole.memory.arena} bytes for ${4 * floats}`);
  whole.dispose();
  single.dispose();
});

test("the first layer and its pooling, a band of rows at a time, give the bits of both over the whole picture", async () => {
  const weights = { w: ramp([64, 3, 7, 7]), b: ramp([64]) };
  const first = (x: Tensor) => relu(conv2d(x, weights.w, weights.b, { stride: 2, padding: 3 }));
  const pooled = (x: Tensor) => maxPool2d(x, 3, { stride: 2, padding: 1 });
  for (const [n, height, width] of [
    [1, 224, 224],
    [2, 229, 226], // 115 rows: the last window hangs over
    [1, 221, 240],
  ] as const) {
    const x = picture([n, 3, height, width]);
    const bands = await compile(
      network(weights, (t) => pooled(first(t))),
      x.shape,
      { keepModel: true },
    );
    // What leaves the network as well is not computed in bands.
    const both = await compile(
      network(weights, (t) => {
        const y = first(t);
        return [pooled(y), y] as const;
      }),
      x.shape,
      { keepModel: true },
    );
    assert.ok(bands.memory.arena < both.memory.arena);
    const found = values(bands.runSync(x));
    const expected = values(both.runSync(x)[0]);
    assert.ok(
      found.length === expected.length && found.every((value, i) => Object.is(value, expected[i])),
      `${height} x ${width}`,
    );
    bands.dispose();
    both.dispose();
  }
});

test("a picture's bits do not depend on the batch, where pixels make pairs, tiles stick out and rows are packed", async () => {
  const weights = {
    w: ramp([128, 16, 3, 3]),
    v: ramp([128, 128, 1, 1], 0.02), // Strassen's step; of 143 pixels the last one has no partner
    u: ramp([16, 128, 3, 3], 0.01), // stride 2
    t: ramp([8, 128, 3, 3], 0.03), // few rows, long k
  };
  const { w, v, u, t } = weights;
  const forward = (x: Tensor) => {
    const a = relu(conv2d(conv2d(x, w, null, { padding: 1 }), v));
    return [a, conv2d(a, u, null, { stride: 2, padding: 1 }), conv2d(a, t, null, { stride: 2, dilation: 2 })] as const;
  };
  for (const [height, width] of [
    [12, 12],
    [14, 14],
    [13, 11],
  ] as const) {
    const single = await compile(network(weights, forward), [1, 16, height, width], { keepModel: true });
    const whole = await single.forShape([3, 16, height, width]);
    const x = picture([3, 16, height, width]);
    sameBitsAlone(whole, single, x, `${height} x ${width}, `);
    single.dispose();
    whole.dispose();
  }
});

test("weights packed for few rows serve sizes that would not ask for it, and the other way around", async () => {
  const weights = { v: ramp([24, 264, 1, 1], 0.02) };
  const sizes = [
    [4, 5],
    [12, 11],
  ] as const;
  for (const [first, second] of [sizes, [...sizes].reverse()]) {
    const one = await compile(
      network(weights, (x) => conv2d(x, weights.v)),
      [1, 264, ...first!],
      { keepModel: true },
    );
    const other = await one.forShape([2, 264, ...second!]);
    const x = picture([2, 264, ...second!]);
    assert.ok(relativeError(other.runSync(x).dataSync(), conv2d(x, weights.v).dataSync()) < 1e-6, `${first} first`);
    one.dispose();
    other.dispose();
  }
});

test("weights packed for Strassen's step serve sizes that would not ask for it", async () => {
  const weights = { v: ramp([128, 128, 1, 1], 0.02) };
  const net = network(weights, (x) => add(conv2d(x, weights.v), x));
  const large = await compile(net, [1, 128, 12, 12], { keepModel: true });
  const shapes: [number, number, number, number][] = [
    [1, 128, 3, 3],
    [2, 128, 1, 1],
    [40, 128, 1, 1], // as many pixels as pairs
    [2, 128, 2, 5],
  ];
  for (const shape of shapes) {
    const small = await large.forShape(shape);
    const x = picture(shape);
    const error = relativeError(values(small.runSync(x)), values(noGrad(() => net.forward(x))));
    assert.ok(error < 1e-5, `${shape}: ${error}`);
    small.dispose();
  }
  large.dispose();
});

test("layers that cannot fold stay, and give what eager execution gives", async () => {
  const before = used();
  const bn = new nn.BatchNorm2d(4);
  const conv = new nn.Conv2d(4, 4, 3, { padding: 1 });
  for (const [key, t] of [...bn.stateDict(), ...conv.stateDict()]) t.set(fillTensor(`bn1.${key}`, t.shape));
  bn.eval();
  const net = {
    forward: (x: Tensor) =>
      tidy(() => add(conv.forward(relu(bn.forward(x))), relu(bn.forward(conv.forward(x))), { relu: true })),
    stateDict: () => new Map([...conv.parameters(), ...bn.stateDict().values()].map((t, i) => [`${i}`, t])),
  };
  const x = ramp([3, 4, 5, 9]);
  const expected = values(noGrad(() => net.forward(x)));
  const compiled = await compile(net, [3, 4, 5, 9]);
  assert.ok(relativeError(values(compiled.runSync(x)), expected) < 1e-5);
  compiled.dispose();
  x.dispose();
  assert.is(used(), before);
});

test("wrong input shapes, wrong arguments, use after dispose", async () => {
  const compiled = await compile(build("cifar_resnet20"), [1, 3, 32, 32]);
  const x = picture([2, 3, 32, 32]);
  assert.throws(
    () => compiled.runSync(x),
    /compiled for \[1, 3, 32, 32\], the input has \[2, 3, 32, 32\]; use forShape/,
  );
  compiled.dispose();
  compiled.dispose();
  assert.throws(() => compiled.runSync(x), /disposed/);
  x.dispose();
  const rejected = async (body: () => Promise<unknown>, message: RegExp): Promise<void> => {
    let text = "nothing was thrown";
    try {
      await body();
    } catch (error) {
      text = (error as Error).message;
    }
    assert.match(text, message);
  };
  await rejected(() => compile(build("cifar_resnet20"), [1, 3, 0, 32]), /input's shape/);
  await rejected(() => compile(build("cifar_resnet20"), [1, 4, 32, 32]), /4 channels/);
  await rejected(() => compile({} as Compilable<Tensor>, [1]), /forward/);
});

test("5,000 runs and 200 times compile and dispose leave the memory where it was", async () => {
  const start = used();
  const compiled = await compile(build("resnet18"), [1, 3, 32, 32]);
  const x = picture([1, 3, 32, 32]);
  compiled.runSync(x).dispose();
  const { used: after, reserved } = info().memory;
  for (let i = 0; i < 5000; i++) compiled.runSync(x).dispose();
  assert.equal([info().memory.used, info().memory.reserved], [after, reserved]);
  compiled.dispose();
  x.dispose();
  assert.is(used(), start);
  for (let i = 0; i < 200; i++) {
    const net = lib.cifarResnet20({ init: "empty" });
    const small = await compile(net, [1, 3, 32, 32]);
    small.dispose();
  }
  assert.equal([info().memory.used, info().memory.reserved], [start, reserved]);
});

test.run();
