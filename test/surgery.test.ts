import { suite } from "uvu";
import * as assert from "uvu/assert";
import { noGrad } from "../src/autograd/apply.ts";
import { backward } from "../src/autograd/backward.ts";
import { clearTape } from "../src/autograd/tape.ts";
import { compile } from "../src/graph/compile.ts";
import { info, init } from "../src/init.ts";
import { BasicBlock, Bottleneck } from "../src/models/blocks.ts";
import { CifarResNet, cifarResnet20 } from "../src/models/cifar.ts";
import { CifarPreactResNet } from "../src/models/cifarPreact.ts";
import { ResNet } from "../src/models/resnet.ts";
import * as nn from "../src/nn/index.ts";
import { normActivate } from "../src/nn/relu.ts";
import { add, mulScalar, relu } from "../src/ops/pointwise.ts";
import { manualSeed } from "../src/tensor/random.ts";
import { randn } from "../src/tensor/sample.ts";
import { tidy } from "../src/tensor/scope.ts";
import { ones, type Tensor } from "../src/tensor/tensor.ts";
import { Ema } from "../src/train/ema.ts";
import { estimateMemory } from "../src/train/memory.ts";

const test = suite("networks that are taken apart and put together otherwise");

test.before(async () => {
  await init({ threads: 1 });
  manualSeed(0);
  tidy(() => void relu(ones([1]))); // eager execution keeps a block for its commands
});
let blocks: number;
test.before.each(() => {
  blocks = info().memory.blocks;
});
test.after.each(() => {
  clearTape();
  assert.is(info().memory.blocks, blocks, "everything was given back");
});

/** Leaky ReLU, made of this library's ops. */
const leaky = (x: Tensor): Tensor => add(relu(x), mulScalar(relu(mulScalar(x, -1)), -0.1));

class Leaky extends nn.Module {
  forward(x: Tensor): Tensor {
    return tidy(() => leaky(x));
  }
}

class LeakyReLU extends nn.ReLU {
  override forward(x: Tensor): Tensor {
    return tidy(() => leaky(x));
  }
}

const values = (t: Tensor): number[] => [...t.dataSync()];

/** Largest difference, to the largest value. */
function apart(a: Tensor, b: Tensor): number {
  const [p, q] = [values(a), values(b)];
  return Math.max(...p.map((v, i) => Math.abs(v - q[i]!))) / Math.max(...q.map(Math.abs));
}

const nets: readonly (readonly [string, (normLayer?: (channels: number) => nn.Module) => nn.Module])[] = [
  [
    "basic",
    (normLayer) => new ResNet(BasicBlock, [1, 1, 1, 1], { numClasses: 3, ...(normLayer ? { normLayer } : {}) }),
  ],
  ["bottleneck", (n) => new ResNet(Bottleneck, [1, 1, 1, 1], { numClasses: 3, ...(n ? { normLayer: n } : {}) })],
  ["cifar", () => new CifarResNet(8, { numClasses: 3 })],
  ["pre-activation", () => new CifarPreactResNet(8, { numClasses: 3 })],
];

function replaceActivations(net: nn.Module, make: () => nn.Module): number {
  let count = 0;
  for (const module of [...net.modules()]) {
    if (!("relu" in module)) continue;
    module.relu = make();
    count++;
  }
  return count;
}

for (const [name, make] of nets) {
  test(`${name}: another activation in the ReLU's place is used at each use, in training and evaluation, eager and compiled`, async () => {
    const net = make();
    const x = randn([2, 3, 32, 32]);
    for (const act of [() => new Leaky(), () => new LeakyReLU()]) {
      assert.ok(replaceActivations(net, act) > 3);
      let uses = 0;
      for (const module of net.modules())
        if (module instanceof Leaky || module instanceof LeakyReLU) module.onForward(() => uses++);
      const trained = tidy(() => noGrad(() => net.train().forward(x)));
      assert.is(uses, name === "bottleneck" ? 13 : name === "basic" ? 9 : 7);
      const eager = noGrad(() => net.eval().forward(x));
      assert.is.not(apart(trained, eager), 0);
      const compiled = await compile(net, x.shape, { keepModel: true });
      const y = await compiled.run(x);
      assert.ok(apart(y, eager) < 1e-4, "compiled");
      for (const t of [trained, eager, y, compiled]) t.dispose();
    }
    replaceActivations(net, () => new nn.Identity());
    tidy(() => {
      assert.equal(net.train().forward(x).shape, [2, 3]);
    });
    x.dispose();
    net.dispose();
  });
}

test("a batch norm of one's own is used in training too", () => {
  class Frozen extends nn.BatchNorm2d {
    override forward(x: Tensor): Tensor {
      return this.forwardEvaluation(x);
    }
  }
  for (const [, make] of nets.slice(0, 2)) {
    const net = make((channels) => new Frozen(channels));
    tidy(() => {
      const x = randn([2, 3, 32, 32]);
      const [trained, evaluated] = noGrad(() => [net.train().forward(x), net.eval().forward(x)]);
      assert.equal(values(trained!), values(evaluated!));
    });
    assert.ok(
      net.buffers().every((b) => values(b).every((v) => v === 0 || v === 1)),
      "nothing was counted",
    );
    net.dispose();
  }
});

test("hooks go in any order, each once, and the method is as before after the last", () => {
  const relu = new nn.ReLU();
  const norm = new nn.BatchNorm2d(2);
  const seen: string[] = [];
  const use = (): string => {
    seen.length = 0;
    tidy(() => void normActivate(relu, norm, ones([2, 2, 1, 1]), ones([2, 2, 1, 1])));
    return seen.join(" ");
  };
  const hook = (name: string) =>
    relu.onForward(
      (_m, _y, count) => seen.push(`${name}${count}`),
      () => seen.push(`before-${name}`),
    );
  const [a, b, c] = [hook("a"), hook("b"), hook("c")];
  assert.is(use(), "before-a before-b before-c a0 b0 c0");
  a();
  assert.is(use(), "before-b before-c b1 c1");
  c();
  c();
  assert.is(use(), "before-b b2");
  b();
  assert.is(use(), "");
  assert.not(Object.hasOwn(relu, "forward"));
  const own = (x: Tensor): Tensor => x;
  relu.forward = own;
  const d = hook("d");
  assert.is(use(), "before-d d0");
  d();
  assert.is(relu.forward, own);
  norm.dispose();
});

test("a classifier of several layers has its classes, and its checkpoint loads", () => {
  const make = (): CifarResNet => {
    const net = cifarResnet20();
    net.fc = new nn.Sequential(new nn.Dropout(0.5), new nn.Linear(64, 32), new nn.ReLU(), new nn.Linear(32, 5));
    return net;
  };
  const [from, to] = [make(), make()];
  assert.is(from.numClasses, 5);
  to.loadStateDict(from.stateDict());
  assert.equal(values(to.stateDict().get("fc.3.weight")!), values(from.stateDict().get("fc.3.weight")!));
  for (const net of [from, to]) net.dispose();
});

test("Sequential refuses what is no module instead of leaving it out", () => {
  assert.throws(
    () => new nn.Sequential(new nn.Identity(), relu as never),
    /Sequential: 1 must be a module, got Function/,
  );
  assert.throws(() => new nn.Sequential(nn.ReLU as never), /Sequential: 0 must be a module, got Function/);
  assert.throws(() => new nn.Sequential({ act: 3 } as never), /Sequential: act must be a module, got Number/);
});

test("a result that a module remembers is no part of it", () => {
  class Remembers extends nn.Module {
    fc = new nn.Linear(2, 2);
    last: Tensor | undefined;
    forward(x: Tensor): Tensor {
      this.last = this.fc.forward(x);
      return relu(this.last);
    }
  }
  const net = new Remembers();
  tidy(() => {
    net.forward(ones([3, 2]));
    assert.equal([...net.stateDict().keys()], ["fc.weight", "fc.bias"]);
    assert.is(net.parameterCount, 6);
  });
  net.dispose();
});

/** One layer under two names, and a weight under two. */
class Tied extends nn.Module {
  first = new nn.Linear(2, 2, { bias: false });
  again = this.first;
  other = new nn.Linear(2, 2, { bias: false });
  constructor() {
    super();
    this.other.weight.dispose();
    this.other.weight = this.first.weight;
  }
  forward(x: Tensor): Tensor {
    return tidy(() => this.other.forward(this.again.forward(this.first.forward(x))));
  }
}

test("what is shared is in checkpoints under each name, and loads from all or one", () => {
  const net = new Tied();
  assert.equal([...net.stateDict().keys()], ["first.weight", "again.weight", "other.weight"]);
  assert.equal(
    [...net.namedModules()].map(([name]) => name),
    ["", "first", "other"],
  );
  assert.is(net.parameterCount, 4);
  const state = (value: number) => ({ shape: [2, 2], data: [value, value, value, value] });
  net.loadStateDict({ "first.weight": state(1), "again.weight": state(1), "other.weight": state(1) });
  net.loadStateDict({ "again.weight": state(2) });
  assert.equal(values(net.first.weight), [2, 2, 2, 2]);
  assert.throws(() => net.loadStateDict({}), /missing \(3\)/);
  tidy(() => backward(net.forward(ones([1, 2])), ones([1, 2])));
  assert.equal(values(net.first.weight.grad!), [48, 48, 48, 48]); // d(8 w³) of w = 2, for each of four
  assert.is(estimateMemory(net, [1, 2], { optimizerKinds: 0 }).parameters, 4 * (4 + 4));
  net.dispose();
});

test("a module inside itself ends", () => {
  class Child extends nn.Module {
    fc = new nn.Linear(1, 1);
    parent: nn.Module | undefined;
    forward(x: Tensor): Tensor {
      return this.fc.forward(x);
    }
  }
  const child = new Child();
  const net = new nn.Sequential(child);
  child.parent = net;
  assert.equal([...net.stateDict().keys()], ["0.fc.weight", "0.fc.bias"]);
  net.dispose();
});

test("Ema puts shared weights back as they were", async () => {
  const net = new Tied();
  net.first.weight.set([1, 1, 1, 1]);
  const ema = new Ema(net, 0.5);
  net.first.weight.set([3, 3, 3, 3]);
  ema.update();
  assert.equal([...ema.stateDict().keys()], [...net.stateDict().keys()]);
  assert.equal(values(ema.stateDict().get("other.weight")!), [2, 2, 2, 2]);
  await ema.applied(() => assert.equal(values(net.first.weight), [2, 2, 2, 2]));
  assert.equal(values(net.first.weight), [3, 3, 3, 3]);
  assert.equal(values(ema.stateDict().get("first.weight")!), [2, 2, 2, 2]);
  ema.dispose();
  net.dispose();
});

test.run();
