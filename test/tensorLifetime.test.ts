import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createJsBackend } from "../src/backend/js/backend.ts";
import { DisposedError, OutOfMemoryError, ResNetError } from "../src/errors.ts";
import { relu } from "../src/ops/pointwise.ts";
import { currentMemory, setMemory } from "../src/tensor/memory.ts";
import { tidy } from "../src/tensor/scope.ts";
import { Storage } from "../src/tensor/storage.ts";
import { forgottenTensors, full, ones, Tensor, tensor, zeros } from "../src/tensor/tensor.ts";
import { backends, counting, messageOf, on } from "./support/onBackends.ts";

for (const b of backends) {
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
