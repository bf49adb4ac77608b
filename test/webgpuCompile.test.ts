import { test } from "uvu";
import * as assert from "uvu/assert";
import { noGrad } from "../src/autograd/apply.ts";
import { createWebGpuBackend, type WebGpuBackend, type WebGpuOptions } from "../src/backend/webgpu/backend.ts";
import { DisposedError, OutOfMemoryError } from "../src/errors.ts";
import { type CompiledNetwork, compile } from "../src/graph/compile.ts";
import { BatchNorm2d } from "../src/nn/batchNorm2d.ts";
import { Conv2d } from "../src/nn/conv2d.ts";
import { Sequential } from "../src/nn/sequential.ts";
import { linear } from "../src/ops/linear.ts";
import { relu } from "../src/ops/pointwise.ts";
import { setMemory } from "../src/tensor/memory.ts";
import { tidy } from "../src/tensor/scope.ts";
import { Tensor, tensor } from "../src/tensor/tensor.ts";
import { dawn } from "./support/dawn.ts";
import { fillInput, fillTensor } from "./support/fill.ts";

/** Compiled networks on WebGPU: weights that several shapes share, and what fails or is disposed half-way. */
const gpu = await dawn();

if (typeof gpu === "string") {
  console.log(`compiled networks on WebGPU are left out: ${gpu}`);
} else {
  const opened: WebGpuBackend[] = [];
  const open = async (options: WebGpuOptions = {}): Promise<WebGpuBackend> => {
    const backend = await createWebGpuBackend({ gpu, ...options });
    opened.push(backend);
    setMemory(backend);
    return backend;
  };
  test.after.each(() => {
    for (const backend of opened.splice(0)) backend.dispose();
  });

  type Shape4 = [number, number, number, number];
  /** So few products that Winograd is not tried, and so many that it is taken: other layouts of the same weights. */
  const small: Shape4 = [1, 64, 4, 4];
  const large: readonly Shape4[] = [
    [1, 64, 16, 16],
    [2, 64, 11, 13],
  ];

  /** Convolutions of 3x3, a batch norm behind each but the last. */
  function network(): Sequential {
    const conv = () => new Conv2d(64, 64, 3, { padding: 1 });
    const net = new Sequential(conv(), new BatchNorm2d(64), conv(), new BatchNorm2d(64), conv()).eval();
    for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape));
    return net;
  }

  /** What `body` makes of the shape's input; nothing else is left of it. */
  async function given(shape: Shape4, body: (x: Tensor) => Tensor | Promise<Tensor>): Promise<Float32Array> {
    const x = tensor(fillInput(shape), shape);
    const y = await body(x);
    const values = await y.data();
    for (const t of [x, y]) t.dispose();
    return values;
  }

  const eager = (net: Sequential, shape: Shape4) => given(shape, (x) => tidy(() => noGrad(() => net.forward(x))));
  const runs = (program: CompiledNetwork, shape: Shape4) => given(shape, (x) => program.run(x));

  function alike(found: Float32Array, expected: Float32Array, what: string): void {
    const scale = expected.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    const at = expected.findIndex((v, i) => !(Math.abs(v - found[i]!) <= 1e-5 * scale));
    assert.is(at, -1, `${what}: value ${at} is ${found[at]}, expected ${expected[at]}`);
  }

  test("another shape whose convolutions would be computed in another way, the model taken", async () => {
    await open();
    const net = network();
    const expected = [await eager(net, large[0]!), await eager(net, small)];
    for (const [first, second] of [
      [small, large[0]!],
      [large[0]!, small],
    ] as const) {
      const program = await compile(network(), first);
      const other = await program.forShape(second);
      alike(await runs(other, second), expected[second === small ? 1 : 0]!, `${first}, then ${second}`);
      program.dispose();
      alike(await runs(other, second), expected[second === small ? 1 : 0]!, `${second} alone`);
    }
  });

  test("two other shapes at the same time wait for weights that one of them packs", async () => {
    await open();
    const net = network();
    const first = await compile(net, small, { keepModel: true });
    const found = await Promise.all(large.map(async (shape) => runs(await first.forShape(shape), shape)));
    for (const [i, shape] of large.entries()) alike(found[i]!, await eager(net, shape), `${shape}`);
  });

  test("one weight in two shapes of its own", async () => {
    await open();
    const w = tensor(fillTensor("w", [6, 8]), [6, 8]);
    const net = { forward: (x: Tensor) => linear(linear(x, w), w.view([8, 6])) };
    const x = tensor(fillTensor("x", [3, 8]), [3, 8]);
    const program = await compile(net, [3, 8], { keepModel: true });
    alike(await (await program.run(x)).data(), await noGrad(() => net.forward(x)).data(), "tied");
  });

  test("a shape that is too large changes nothing: the model is there, and so are the weights that are shared", async () => {
    const backend = await open();
    Object.defineProperty(backend.machine.device, "limits", {
      value: { maxBufferSize: 4 << 20, maxStorageBufferBindingSize: 4 << 20 },
    });
    const without = backend.info().memory.used;
    const net = network();
    const before = backend.info().memory.used;
    const most: Shape4 = [1, 64, 200, 200];
    const refuse = async (body: () => Promise<unknown>): Promise<void> => {
      const error = await body().catch((e: unknown) => e);
      assert.instance(error, OutOfMemoryError);
      assert.match(
        (error as Error).message,
        /^webgpu: activations of a compiled network of \d+ bytes; .* binds at most 4194304/,
      );
    };
    await refuse(() => compile(net, most));
    assert.is(backend.info().memory.used, before);
    const expected = await eager(net, large[0]!);
    const first = await compile(net, small, { keepModel: true });
    await refuse(() => first.forShape(most));
    const other = await first.forShape(large[0]!);
    alike(await runs(other, large[0]!), expected, "after the refusal");
    for (const t of [first, other, net]) t.dispose();
    assert.is(backend.info().memory.used, without);
  });

  test("what was recorded before a network is compiled may use memory that is free since", async () => {
    await open({ winograd: "timed" });
    const net = network();
    const length = 24 * 2 ** 20;
    const some = [0, 1, 2].map((i) => Tensor.empty([length + (i << 22)]));
    const results = some.map((x) => relu(x));
    for (const t of [...some, ...results]) t.dispose();
    // New values would submit what was recorded.
    const program = await compile({ forward: (x: Tensor) => relu(x) }, small);
    assert.ok((await runs(program, small)).every((v) => v >= 0));
    alike(await runs(await compile(net, small, { keepModel: true }), small), await eager(net, small), "afterwards");
  });

  test("a network that is disposed while it is timed says so, and harms no other", async () => {
    const { machine } = await open();
    const net = network();
    const [timed, other] = [
      await compile(net, small, { keepModel: true }),
      await compile(net, small, { keepModel: true }),
    ];
    Object.defineProperty(machine.device, "features", { value: new Set() });
    const times = timed.profile(tensor(fillInput(small), small)).catch((e: unknown) => e);
    timed.dispose();
    assert.instance(await times, DisposedError);
    alike(await runs(other, small), await eager(net, small), "the other");
  });
}

test.run();
