import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createJsBackend } from "../src/backend/js/backend.ts";
import { ArgumentError, DisposedError, OutOfMemoryError, ResNetError, ShapeError } from "../src/errors.ts";
import { relu } from "../src/ops/pointwise.ts";
import { fromStorageOrder, toStorageOrder } from "../src/tensor/layout.ts";
import { currentMemory, setMemory } from "../src/tensor/memory.ts";
import { tidy } from "../src/tensor/scope.ts";
import { numel, type Shape } from "../src/tensor/shape.ts";
import { Storage } from "../src/tensor/storage.ts";
import { forgottenTensors, full, ones, Tensor, tensor, zeros } from "../src/tensor/tensor.ts";
import { type TestBackend, testBackends } from "./support/backends.ts";

const counting = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i + 1);

function messageOf(body: () => unknown, kind: new (...args: never[]) => Error): string {
  try {
    body();
  } catch (error) {
    assert.instance(error, kind);
    return (error as Error).message;
  }
  assert.unreachable(`expected ${kind.name}`);
  return "";
}

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

const backends = await testBackends();

/** The same expectations of every backend's memory. */
function on(b: TestBackend, name: string, body: () => void | Promise<void>): void {
  test(`${b.label}: ${name}`, async () => {
    setMemory(b.backend);
    const before = b.backend.info().memory;
    await body();
    const after = b.backend.info().memory;
    assert.is(after.used, before.used, "bytes in use are back to where they were");
    assert.is(after.blocks, before.blocks, "blocks are back to where they were");
  });
}

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

  on(b, "dispose gives the memory back at once, and twice is harmless", () => {
    const before = b.backend.info().memory;
    const t = zeros([1000]);
    assert.ok(b.backend.info().memory.used >= before.used + 4000);
    assert.is(b.backend.info().memory.blocks, before.blocks + 1);
    t.dispose();
    assert.is(b.backend.info().memory.used, before.used);
    t.dispose();
    assert.ok(t.disposed);
    assert.is(b.backend.info().memory.used, before.used);
  });

  on(b, "use after dispose is an error that says so", async () => {
    const t = zeros([2, 2]);
    t.dispose();
    assert.match(
      messageOf(() => t.dataSync(), DisposedError),
      /disposed/,
    );
    assert.match(
      messageOf(() => t.set([1, 2, 3, 4]), DisposedError),
      /disposed/,
    );
    assert.match(
      messageOf(() => t.view([4]), DisposedError),
      /disposed/,
    );
    assert.match(
      messageOf(() => relu(t), DisposedError),
      /disposed/,
    );
    const late = await t.data().then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.instance(late, DisposedError);
  });

  on(b, "dispose takes the gradient along", () => {
    const t = zeros([2]);
    t.grad = ones([2]);
    t.dispose();
  });

  on(b, "tidy disposes what is made inside and keeps what is returned", () => {
    const kept = tidy(() => {
      zeros([5]);
      return relu(relu(tensor([-1, 2])));
    });
    assert.equal(kept.dataSync(), Float32Array.of(0, 2));
    kept.dispose();
  });

  on(b, "tidy keeps tensors in arrays, objects, maps, and those inside one another", () => {
    const kept = tidy(() => ({ list: [ones([1]), [ones([2])]], map: new Map([["a", ones([3])]]), none: null, n: 1 }));
    const found = [kept.list[0] as Tensor, (kept.list[1] as Tensor[])[0]!, kept.map.get("a")!];
    assert.equal(
      found.map((t) => t.dataSync().length),
      [1, 2, 3],
    );
    for (const t of found) t.dispose();
  });

  on(b, "nested tidy: what the inner returns belongs to the outer", () => {
    let inner: Tensor | undefined;
    tidy(() => {
      inner = tidy(() => ones([2]));
      assert.not(inner.disposed);
    });
    assert.ok(inner?.disposed);
  });

  on(b, "tidy that throws gives everything back and passes the error on", () => {
    const message = messageOf(
      () =>
        tidy(() => {
          ones([100]);
          throw new RangeError("mine");
        }),
      RangeError,
    );
    assert.is(message, "mine");
    const outside = ones([1]); // no scope is left behind: this lives
    assert.not(outside.disposed);
    outside.dispose();
  });

  on(b, "tidy refuses an asynchronous function and keeps its tensors' memory", () => {
    assert.match(
      messageOf(
        () =>
          tidy(async () => {
            ones([3]);
          }),
        TypeError,
      ),
      /synchronous/,
    );
  });

  on(b, "keep takes a tensor out of tidy", () => {
    let kept: Tensor | undefined;
    tidy(() => {
      kept = ones([2]).keep();
    });
    assert.equal(kept?.dataSync(), Float32Array.of(1, 1));
    kept?.dispose();
  });

  on(b, "a tensor made outside survives a tidy that uses it", () => {
    const t = ones([2]);
    tidy(() => relu(t)).dispose();
    assert.not(t.disposed);
    t.dispose();
  });

  on(b, "`using` disposes at the end of the block", () => {
    let seen: Tensor;
    {
      using t = ones([4]);
      seen = t;
    }
    assert.ok(seen.disposed);
  });

  on(b, "lazy values are computed once, at the first look", () => {
    let computed = 0;
    const values = {
      materialise: () => {
        computed++;
        return counting(6);
      },
      cancel: () => assert.unreachable("nobody replaced the values"),
    };
    const t = Tensor.lazy([1, 3, 2, 1], values);
    assert.ok(t.storage.pending);
    assert.is(computed, 0);
    assert.equal(t.dataSync(), counting(6));
    assert.equal(t.dataSync(), counting(6));
    assert.is(computed, 1);
    t.dispose();
  });

  on(b, "lazy values that are replaced or disposed are never computed", () => {
    let cancelled = 0;
    const values = { materialise: () => assert.unreachable() as never, cancel: () => void cancelled++ };
    const replaced = Tensor.lazy([2], values);
    replaced.set([5, 6]);
    assert.equal(replaced.dataSync(), Float32Array.of(5, 6));
    replaced.dispose();
    Tensor.lazy([2], values).dispose();
    assert.is(cancelled, 2);
  });

  on(b, "out of memory says how much was asked and how much is in use, and nothing is lost", () => {
    const held = zeros([1024]);
    const used = b.backend.info().memory.used;
    let caught: unknown;
    try {
      Tensor.empty([2 ** 18, 2 ** 18]);
    } catch (error) {
      caught = error;
    }
    assert.instance(caught, OutOfMemoryError);
    const error = caught as OutOfMemoryError;
    assert.is(error.asked, 2 ** 38);
    assert.is(error.used, used);
    assert.match(error.message, /asked for 262144\.0 MiB with .* MiB in use/);
    assert.is(b.backend.info().memory.used, used);
    const after = tensor(counting(4096)); // there is still room for what fits
    assert.equal(after.dataSync(), counting(4096));
    after.dispose();
    held.dispose();
  });

  on(b, "a lazy tensor for which there is no memory stays lazy, and its disposal is harmless", () => {
    const used = b.backend.info().memory.used;
    let drawn = 0;
    let cancelled = 0;
    const values = { materialise: () => new Float32Array(++drawn), cancel: () => void cancelled++ };
    const t = Tensor.lazy([2 ** 18, 2 ** 18], values);
    for (let i = 0; i < 2; i++) assert.throws(() => t.storage.handle, /out of memory/);
    assert.ok(t.storage.pending);
    assert.is(drawn, 0);
    t.dispose();
    assert.is(cancelled, 1);
    const broken = Tensor.lazy([4], {
      materialise: () => {
        throw new Error("no values");
      },
      cancel: () => {},
    });
    assert.throws(() => broken.dataSync(), /no values/);
    broken.dispose();
    assert.is(b.backend.info().memory.used, used);
  });

  on(b, "a thousand tensors of odd sizes, freed in another order, keep their values apart", () => {
    const made = Array.from({ length: 1000 }, (_, i) => full([1 + ((i * 37) % 91)], i));
    for (let i = 0; i < 1000; i += 3) made[i]!.dispose();
    const again = Array.from({ length: 300 }, (_, i) => full([1 + ((i * 53) % 77)], -i));
    made.forEach((t, i) => {
      if (i % 3 !== 0)
        assert.ok(
          t.dataSync().every((v) => v === i),
          `tensor ${i}`,
        );
    });
    for (const t of [...made, ...again]) t.dispose();
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

test("tensors of two backends do not meet unnoticed; a storage can move", async () => {
  const [first, second] = [createJsBackend(), createJsBackend()];
  setMemory(first);
  const t = tensor([-1, 2]);
  setMemory(second);
  assert.match(
    messageOf(() => relu(t), ResNetError),
    /is on the js backend.*net\.to\(\)/,
  );
  await t.storage.move();
  assert.is(t.storage.memory, currentMemory());
  const y = relu(t);
  assert.equal(y.dataSync(), Float32Array.of(0, 2));
  y.dispose();
  t.dispose();
  assert.equal([first.info().memory.blocks, second.info().memory.blocks], [0, 0]);
});

test("a storage counts its references", () => {
  setMemory(backends[0]!.backend);
  const storage = new Storage(3);
  storage.retain().release();
  assert.not(storage.disposed);
  storage.release();
  storage.release();
  assert.ok(storage.disposed);
  assert.match(
    messageOf(() => storage.retain(), DisposedError),
    /disposed/,
  );
});

test("forgotten tensors are counted and their memory comes back", async () => {
  const collect = garbageCollector();
  for (const { backend, label } of backends) {
    setMemory(backend);
    const before = backend.info().memory;
    const forgotten = forgottenTensors();
    (() => {
      for (let i = 0; i < 50; i++) zeros([100]);
    })();
    for (let i = 0; i < 100 && forgottenTensors() - forgotten < 50; i++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.is(forgottenTensors() - forgotten, 50, label);
    assert.is(backend.info().memory.used, before.used, label);
    assert.is(backend.info().memory.forgotten, forgottenTensors(), label);
  }
});

/** `gc`, also where Node was started without --expose-gc. */
function garbageCollector(): () => void {
  if (typeof globalThis.gc === "function") return globalThis.gc as () => void;
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

test.after(() => {
  for (const { backend } of backends) backend.dispose();
});

test.run();
