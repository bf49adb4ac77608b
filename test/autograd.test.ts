import { suite } from "uvu";
import * as assert from "uvu/assert";
import { noGrad } from "../src/autograd/apply.ts";
import { backward } from "../src/autograd/backward.ts";
import { recompute } from "../src/autograd/recompute.ts";
import { clearTape } from "../src/autograd/tape.ts";
import { createWasmBackend } from "../src/backend/wasm/backend.ts";
import { ResNetError, ShapeError } from "../src/errors.ts";
import { info, init } from "../src/init.ts";
import { Linear } from "../src/nn/linear.ts";
import { batchNorm, batchNormTrain } from "../src/ops/batchNorm.ts";
import { crossEntropy } from "../src/ops/crossEntropy.ts";
import { linear } from "../src/ops/linear.ts";
import { mul } from "../src/ops/mul.ts";
import { add, relu } from "../src/ops/pointwise.ts";
import { currentMemory, setMemory } from "../src/tensor/memory.ts";
import { tidy } from "../src/tensor/scope.ts";
import type { Shape } from "../src/tensor/shape.ts";
import { ones, type Tensor, tensor } from "../src/tensor/tensor.ts";
import { clipGradNorm } from "../src/train/clip.ts";
import { Ema } from "../src/train/ema.ts";
import { fit } from "../src/train/fit.ts";
import { SGD } from "../src/train/optimizer.ts";
import { fails } from "./support/fails.ts";
import { tinyData, tinyNet, tinyOptions } from "./support/tinyTraining.ts";

const test = suite("autograd: what is refused, and recomputing");

function leaf(values: number[], shape: Shape = [values.length]): Tensor {
  const t = tensor(values, shape);
  t.requiresGrad = true;
  return t;
}

test.before(async () => {
  await init({ threads: 1 });
  tidy(() => void relu(ones([1]))); // eager execution keeps a block for its commands
});

/** Runs `body` in a tidy; afterwards the tape is cleared, and nothing may be left in memory. */
function leavesNothing(body: () => void): void {
  const before = info().memory.used;
  tidy(body);
  clearTape();
  assert.is(info().memory.used, before, "bytes were not given back");
}

test("a second backward through a part that an earlier one used is refused", () => {
  leavesNothing(() => {
    const w = leaf([1, 2, 3, 4], [2, 2]);
    const trunk = linear(ones([1, 2]), w);
    const [first, second] = [linear(trunk, ones([1, 2])), linear(trunk, tensor([[10, 10]]))];
    backward(first);
    try {
      backward(second);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, ResNetError);
      assert.is((error as ResNetError).code, "ERR_AUTOGRAD");
      assert.match((error as Error).message, /linear\) was already used by an earlier backward; add the losses/);
    }
    w.dispose();
  });
});

test("the losses added and walked once give both gradients", () => {
  leavesNothing(() => {
    const w = leaf([1, 2, 3, 4], [2, 2]);
    const trunk = linear(ones([1, 2]), w);
    backward(add(linear(trunk, ones([1, 2])), linear(trunk, tensor([[10, 10]]))));
    assert.equal([...w.grad!.dataSync()], [11, 11, 11, 11]);
    w.dispose();
  });
});

test("a seed of another shape is refused", () => {
  leavesNothing(() => {
    for (const shape of [[1], [6], [3, 2], [2, 3, 4]]) {
      const x = leaf([1, 2, 3, 4, 5, 6], [2, 3]);
      try {
        backward(relu(x), ones(shape));
        assert.unreachable();
      } catch (error) {
        assert.instance(error, ShapeError);
        assert.match((error as Error).message, /^backward: the seed must have the shape \[2, 3\], got \[/);
      }
      assert.is(x.grad, null);
    }
    const x = leaf([1, -2]);
    backward(relu(x), tensor([3, 4]));
    assert.equal([...x.grad!.dataSync()], [3, 0]);
    x.dispose();
  });
});

test("recompute of a piece without anything to learn: nothing for its input, and nothing is kept", () => {
  leavesNothing(() => {
    const frozen = tensor([[1, 2]]);
    const last = leaf([3], [1, 1]);
    const y = recompute((x) => linear(x, frozen), ones([1, 2]));
    backward(linear(y, last));
    assert.equal([...last.grad!.dataSync()], [3]);
    last.dispose();
  });
});

test("recompute of nothing gives its input, with the input's gradient", () => {
  leavesNothing(() => {
    const x = leaf([1, 2]);
    const y = recompute((t) => t, x);
    assert.not(x.disposed);
    assert.equal([...y.dataSync()], [1, 2]);
    backward(y, tensor([5, 6]));
    assert.equal([...x.grad!.dataSync()], [5, 6]);
    x.dispose();
  });
});

test("fit with frozen blocks recomputes to the same bits", async () => {
  for (const frozen of [/^conv/, /^(?!fc)/, /^layer1\.0/]) {
    const run = async (recompute: boolean): Promise<string> => {
      const net = tinyNet();
      for (const [key, p] of net.namedParameters()) if (frozen.test(key)) p.requiresGrad = false;
      assert.ok([...net.namedParameters()].some(([, p]) => !p.requiresGrad));
      await fit(net, tinyData(), { ...tinyOptions, epochs: 1, recompute });
      const bits = [...net.stateDict().values()].map((t) => t.dataSync().join()).join("\n");
      net.dispose();
      return bits;
    };
    assert.is(await run(true), await run(false), `${frozen}`);
  }
});

test("both factors of a product get gradients, where both want them", () => {
  leavesNothing(() => {
    const [a, b] = [leaf([1, 2, 3]), leaf([4, 5, 6])];
    backward(mul(a, b), tensor([1, 10, 100]));
    assert.equal([...a.grad!.dataSync()], [4, 50, 600]);
    assert.equal([...b.grad!.dataSync()], [1, 20, 300]);
    const gate = leaf([7, 8, 9]);
    backward(mul(tensor([1, 2, 3]), gate), ones([3]));
    assert.equal([...gate.grad!.dataSync()], [1, 2, 3]);
    const square = leaf([3]);
    backward(mul(square, square));
    assert.equal([...square.grad!.dataSync()], [6]);
  });
});

test("a target that requires a gradient is refused, since it would get none", () => {
  const target = tensor([[0.5, 0.5]]);
  target.requiresGrad = true;
  const logits = tensor([[1, 2]]);
  assert.throws(() => crossEntropy(logits, target), /crossEntropy: the target gets no gradient; detach\(\) it/);
  assert.ok(noGrad(() => crossEntropy(logits, target)).item() > 0);
  assert.ok(crossEntropy(logits, target.detach()).item() > 0);
});

test("a factor for each picture that requires a gradient is refused, since it would get none", () => {
  leavesNothing(() => {
    const factor = leaf([1, 2]);
    assert.throws(() => mul(ones([2, 3]), factor), /mul: one factor for each picture gets no gradient/);
    assert.equal([...noGrad(() => mul(ones([2, 1]), factor)).dataSync()], [1, 2]);
    assert.equal([...mul(leaf([1, 1], [2, 1]), factor.detach()).dataSync()], [1, 2]);
  });
});

test("gradients of leaves share no memory: not with the seed, not with each other's", () => {
  leavesNothing(() => {
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    const seed = tensor([5, 6]);
    backward(add(a, b), seed);
    seed.set([0, 0]);
    a.grad!.set([7, 7]);
    assert.equal([...b.grad!.dataSync()], [5, 6]);
    const [x, skip] = [leaf([1, 2, 3, 4], [2, 2]), leaf([1, 1, 1, 1], [2, 2])];
    const dy = tensor([
      [1, 2],
      [3, 4],
    ]);
    backward(batchNormTrain(x, null, null, null, null, { residual: skip }), dy);
    dy.set([0, 0, 0, 0]);
    assert.equal([...skip.grad!.dataSync()], [1, 2, 3, 4]);
  });
});

test("gradients that nobody wants are given back: of batch norms without parameters or with frozen ones, of leaves that are gone", () => {
  const before = info().memory.used;
  const statistics = [tensor([0, 0]), tensor([1, 1])] as const;
  for (const frozen of [null, tensor([2, 3])]) {
    for (const residual of [undefined, ones([2, 2])]) {
      const x = leaf([1, 2, 3, 5], [2, 2]);
      const y = batchNormTrain(x, null, null, frozen, frozen, { relu: true, ...(residual ? { residual } : {}) });
      const z = batchNorm(y, ...statistics, frozen, frozen);
      const seed = ones([2, 2]);
      backward(z, seed);
      for (const t of [x, y, z, seed, residual]) t?.dispose();
    }
    frozen?.dispose();
  }
  const gone = leaf([1, 2]);
  const [y, seed] = [relu(gone), ones([2])];
  gone.dispose();
  backward(y, seed);
  for (const t of [y, seed, ...statistics]) t.dispose();
  assert.is(info().memory.used, before, "bytes were not given back");
});

test("what the body of recompute reads from outside would get no gradient: refused", () => {
  leavesNothing(() => {
    const [p, x] = [leaf([1, 2]), leaf([3, 4])];
    const outside = relu(p);
    const y = recompute((t) => mul(t, outside), x);
    assert.throws(
      () => backward(y, ones([2])),
      /^recompute: what its body reads from outside \(made by relu\) gets no/,
    );
    assert.throws(
      () =>
        backward(
          recompute(() => outside, x),
          ones([2]),
        ),
      /^recompute: what its body reads/,
    );
    backward(
      recompute((t) => mul(t, outside.detach()), x),
      ones([2]),
    );
    assert.equal([...x.grad!.dataSync()], [1, 2]);
    for (const t of [p, x]) t.dispose();
  });
});

test("nothing is computed from memory of an earlier init", async () => {
  const other = await createWasmBackend({ threads: 1, relaxed: false });
  const here = currentMemory();
  const elsewhere = async (body: () => unknown): Promise<void> => {
    setMemory(other);
    try {
      await fails(async () => body(), /: an input of shape \[.*\] is on the wasm backend of an earlier `init`/);
    } finally {
      setMemory(here);
    }
  };
  const net = new Linear(2, 1);
  const optimizer = new SGD(net.namedParameters(), { momentum: 0.9 });
  const ema = new Ema(net);
  const loss = net.forward(ones([1, 2]));
  await elsewhere(() => backward(loss));
  clearTape();
  backward(net.forward(ones([1, 2])));
  for (const body of [() => optimizer.step(0.1), () => ema.update(), () => clipGradNorm(net.parameters(), 1)]) {
    await elsewhere(body);
  }
  optimizer.step(0.1);
  setMemory(other);
  await net.to();
  setMemory(here);
  await elsewhere(() => optimizer.step(0.1)); // the network has moved, the velocities have not
  await elsewhere(() => ema.update());
  for (const t of [net, optimizer, ema, loss]) t.dispose();
  other.dispose();
});

test.run();
