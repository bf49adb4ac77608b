import { test } from "uvu";
import * as assert from "uvu/assert";
import type * as lib from "../src/index.ts";
import { add, compile, conv2d, init, maxPool2d, noGrad, relu, type Tensor, tensor, tidy, zeros } from "../src/index.ts";
import { network, picture, ramp, relativeError, values } from "./support/compiled.ts";

/** A picture of a compiled batch has the bits that it has by itself, however a layer is cut and its weights are packed. */
test.before(async () => {
  await init({ backend: "wasm" });
  tidy(() => void relu(zeros([1]))); // eager execution keeps a block for its commands
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

test.run();
