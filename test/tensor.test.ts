import { test } from "uvu";
import * as assert from "uvu/assert";
import { createJsBackend } from "../src/backend/js/backend.ts";
import { ArgumentError, ResNetError, ShapeError } from "../src/errors.ts";
import { relu } from "../src/ops/pointwise.ts";
import { fromStorageOrder, toStorageOrder } from "../src/tensor/layout.ts";
import { setMemory } from "../src/tensor/memory.ts";
import { numel, type Shape } from "../src/tensor/shape.ts";
import { full, ones, tensor, zeros } from "../src/tensor/tensor.ts";
import { backends, counting, messageOf, on } from "./support/onBackends.ts";

test("a shape that is changed afterwards changes no tensor", () => {
  const previous = setMemory(createJsBackend());
  const shape = [1, 2];
  const [x, y] = [zeros(shape), zeros(shape)];
  const z = relu(x);
  shape[0] = 1000;
  (z.shape as number[])[1] = 7;
  assert.equal([x.shape, y.shape, z.size], [[1, 2], [1, 2], 2]);
  for (const t of [x, y, z]) t.dispose();
  setMemory(previous);
});

test("sizes without an array around them are told what a shape is", () => {
  const previous = setMemory(createJsBackend());
  for (const make of [() => zeros(3 as never), () => tensor([1, 2], 2 as never), () => ones(undefined as never)]) {
    assert.match(messageOf(make, ArgumentError), /tensor: sizes must be .*: a shape is an array/);
  }
  setMemory(previous);
});

test("before init, making a tensor says to call init", () => {
  setMemory(undefined);
  assert.match(
    messageOf(() => zeros([2]), ResNetError),
    /call `await init\(\)`/,
  );
});

for (const b of backends) {
  on(b, "values come back in row-major order, whatever the bytes are", async () => {
    const shapes: Shape[] = [
      [],
      [1],
      [7],
      [3, 4],
      [2, 3, 4],
      [2, 3, 4, 5],
      [1, 5, 1, 1],
      [2, 1, 3, 3],
      [1, 2, 3, 4, 5],
      [0, 3, 2, 2],
    ];
    for (const shape of shapes) {
      const values = counting(numel(shape));
      const t = tensor(values, shape);
      assert.equal(await t.data(), values);
      assert.equal(t.dataSync(), values);
      assert.is(t.size, values.length);
      t.dispose();
    }
  });

  on(b, "4-D bytes are channels-last", () => {
    const t = tensor([[[[1, 2]], [[3, 4]], [[5, 6]]]]);
    assert.equal(t.shape, [1, 3, 1, 2]);
    assert.equal(t.storage.readSync(), Float32Array.of(1, 3, 5, 2, 4, 6));
    t.dispose();
  });

  on(b, "what was read is a copy", () => {
    const t = tensor([1, 2, 3]);
    t.dataSync()[0] = 9;
    assert.equal(t.dataSync(), Float32Array.of(1, 2, 3));
    t.dispose();
  });

  on(b, "set replaces values", () => {
    const t = zeros([1, 2, 2, 1]);
    t.set([1, 2, 3, 4]);
    assert.equal(t.dataSync(), Float32Array.of(1, 2, 3, 4));
    assert.match(
      messageOf(() => t.set([1]), ShapeError),
      /\[1, 2, 2, 1\] needs 4 values, got 1/,
    );
    t.dispose();
  });

  on(b, "full, zeros, ones, item", () => {
    const made = [full([2, 2], -1.5), zeros([3]), ones([1])] as const;
    assert.equal(made[0].dataSync(), Float32Array.of(-1.5, -1.5, -1.5, -1.5));
    assert.equal(made[1].dataSync(), Float32Array.of(0, 0, 0));
    assert.is(made[2].item(), 1);
    assert.match(
      messageOf(() => made[1].item(), ShapeError),
      /one value.*\[3\]/,
    );
    for (const t of made) t.dispose();
  });

  on(b, "a view shares values and holds the memory", () => {
    const t = tensor(counting(12), [3, 4]);
    const view = t.view([12]);
    assert.match(
      messageOf(() => t.view([5]), ShapeError),
      /\[5\] needs 5 values, got 12/,
    );
    t.dispose();
    assert.equal(view.dataSync(), counting(12));
    view.dispose();
  });

  on(b, "a view that does not fit leaves nothing behind", () => {
    const t = zeros([4]);
    messageOf(() => t.view([5]), ShapeError);
    t.dispose();
  });

  on(b, "a view that would put values into another order is refused", () => {
    const t = tensor(counting(12), [1, 3, 2, 2]);
    for (const shape of [[12], [1, 12], [1, 2, 3, 2], [3, 4]]) {
      assert.match(
        messageOf(() => t.view(shape), ShapeError),
        /view: \[1, 3, 2, 2\] has other bytes than .*; use flatten/,
      );
    }
    const flat = tensor(counting(12));
    messageOf(() => flat.view([1, 3, 2, 2]), ShapeError);
    const pairs = [
      [t, [1, 3, 2, 2]],
      [flat, [3, 4]],
      [flat, [1, 1, 3, 4]],
      [flat, [2, 6, 1, 1]],
    ] as const;
    for (const [from, shape] of pairs) {
      const view = from.view(shape);
      assert.equal(view.dataSync(), counting(12));
      assert.not(view.requiresGrad);
      view.dispose();
    }
    t.dispose();
    flat.dispose();
  });
}

test("storage order and back is the identity, and only 4-D bytes differ", () => {
  for (const shape of [[2, 3, 4, 5], [1, 7, 3, 1], [3, 1, 2, 2], [2, 5, 1, 1], [6], [2, 3], [2, 3, 4]]) {
    const values = counting(numel(shape));
    const stored = toStorageOrder(values, shape);
    assert.equal(fromStorageOrder(stored, shape), values);
    if (shape.length !== 4) assert.equal(stored, values);
  }
  assert.equal(toStorageOrder(counting(8), [1, 2, 2, 2]), Float32Array.of(1, 5, 2, 6, 3, 7, 4, 8));
});

test("wrong values and shapes are refused in words", () => {
  setMemory(backends[0]!.backend);
  const before = backends[0]!.backend.info().memory.blocks;
  assert.match(
    messageOf(() => tensor([1, 2, 3], [2, 2]), ShapeError),
    /\[2, 2\] needs 4 values, got 3/,
  );
  assert.match(
    messageOf(() => tensor([[1, 2], [3]]), ShapeError),
    /same lengths/,
  );
  for (const ragged of [
    [[1, 2], [3], [4, 5, 6]],
    [1, [2]],
    [[1], 2],
    [[], [1]],
    [[1], []],
    [[], 1],
  ]) {
    assert.match(
      messageOf(() => tensor(ragged as number[][]), ShapeError),
      /same lengths/,
    );
  }
  for (const [wrong, kind] of [
    ["12", "string"],
    [[true], "boolean"],
    [["1"], "string"],
    [[1, undefined], "undefined"],
    [null, "object"],
    [{ a: 1 }, "object"],
  ] as const) {
    assert.match(
      messageOf(() => tensor(wrong as never), ArgumentError),
      new RegExp(`needs numbers in nested arrays, got ${kind}`),
    );
  }
  for (const [values, shape] of [
    [[], [0]],
    [
      [[], []],
      [2, 0],
    ],
    [5, []],
    [
      [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ],
      [1, 2, 3],
    ],
    [{ length: 2, 0: 1, 1: 2 }, [2]],
  ] as const) {
    const t = tensor(values as never);
    assert.equal(t.shape, shape);
    t.dispose();
  }
  assert.match(
    messageOf(() => zeros([2, -1]), ArgumentError),
    /whole numbers.*\[2, -1\]/,
  );
  assert.match(
    messageOf(() => zeros([1.5]), ArgumentError),
    /\[1\.5\]/,
  );
  assert.match(
    messageOf(() => zeros([2 ** 40, 2 ** 40]), ArgumentError),
    /\[1099511627776, 1099511627776\]/,
  );
  assert.is(backends[0]!.backend.info().memory.blocks, before);
});

test.after(() => {
  for (const { backend } of backends) backend.dispose();
});

test.run();
