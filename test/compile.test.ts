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
  nn,
  noGrad,
  relu,
  type Tensor,
  tidy,
  zeros,
} from "../src/index.ts";
import { network, picture, ramp, relativeError, values } from "./support/compiled.ts";
import { fillTensor } from "./support/fill.ts";
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
