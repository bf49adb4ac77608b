import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { noGrad } from "../src/autograd/apply.ts";
import { currentBackend } from "../src/backend/current.ts";
import type { WebGpuBackend } from "../src/backend/webgpu/backend.ts";
import { OutOfMemoryError, ResNetError } from "../src/errors.ts";
import { compile } from "../src/graph/compile.ts";
import { type InitOptions, info, init } from "../src/init.ts";
import { relu } from "../src/ops/pointwise.ts";
import { Tensor, tensor } from "../src/tensor/tensor.ts";
import { fit } from "../src/train/fit.ts";
import { dawn } from "./support/dawn.ts";
import { repoRoot } from "./support/shared.ts";
import { tinyData, tinyNet, tinyOptions } from "./support/tinyTraining.ts";

/** How `init` chooses between WebGPU and wasm, and what happens when a device fails. */
const none = { requestAdapter: async () => null };

test("without an adapter: by name an error, with auto wasm and the reason", async () => {
  const error = await init({ backend: "webgpu", gpu: none }).catch((e: unknown) => e);
  assert.instance(error, ResNetError);
  assert.match((error as ResNetError).message, /offers no adapter/);
  const about = await init({ backend: "auto", gpu: none });
  assert.is(about.backend, "wasm");
  assert.match(about.reasons.join("\n"), /WebGPU: this machine offers no adapter/);
});

test("with auto whatever keeps WebGPU away is a reason for wasm", async () => {
  const failing = {
    requestAdapter: async () => {
      throw new DOMException("the driver is gone", "OperationError");
    },
  };
  const about = await init({ backend: "auto", gpu: failing });
  assert.is(about.backend, "wasm");
  assert.match(about.reasons.join("\n"), /WebGPU: OperationError: the driver is gone/);
});

const gpu = await dawn();

if (typeof gpu === "string") {
  console.log(`the rest is left out: ${gpu}`);
} else {
  /** The real thing with one word of one kernel changed, as a broken driver would. */
  const broken = {
    async requestAdapter(options?: object): Promise<GPUAdapter | null> {
      const adapter = await (gpu as GPU).requestAdapter(options);
      if (adapter === null) return null;
      const request = adapter.requestDevice.bind(adapter);
      return Object.assign(adapter, {
        async requestDevice(descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> {
          const device = await request(descriptor);
          const create = device.createShaderModule.bind(device);
          return Object.assign(device, {
            createShaderModule: (d: GPUShaderModuleDescriptor) =>
              create({ ...d, code: d.code.replaceAll("p.strideW - p.padW", "p.strideW") }),
          });
        },
      });
    },
  };

  test("a software adapter: by name yes, with auto wasm and the reason", async () => {
    const about = await init({ backend: "auto", gpu });
    if (about.backend === "wasm") assert.match(about.reasons.join("\n"), /only a software adapter/);
    assert.is((await init({ backend: "webgpu", gpu })).backend, "webgpu");
    assert.not.ok(info().deterministic);
  });

  test("a device that computes wrong numbers is found out: wasm, and what was wrong", async () => {
    const about = await init({ backend: "webgpu", gpu: broken });
    assert.is(about.backend, "wasm");
    assert.match(about.reasons.join("\n"), /self-test found wrong numbers \(conv2d of 2x3x19x17.*expected/);
  });

  test("a lost device: one clear error for every call that waits, and the next init works", async () => {
    await init({ backend: "webgpu", gpu });
    const backend = currentBackend() as WebGpuBackend;
    const x = tensor([1, -2, 3]);
    backend.machine.device.destroy();
    const errors = await Promise.all(
      [1, 2].map(() =>
        relu(x)
          .data()
          .catch((e: unknown) => e),
      ),
    );
    for (const error of errors) {
      assert.instance(error, ResNetError);
      assert.is((error as ResNetError).code, "ERR_DEVICE_LOST");
      assert.match((error as ResNetError).message, /the device was lost .* Call init again/);
    }
    assert.is((await init({ backend: "webgpu", gpu })).backend, "webgpu");
    assert.is.not(currentBackend(), backend);
    assert.equal([...(await relu(tensor([1, -2, 3])).data())], [1, 0, 3]);
  });

  test("a command that the device refuses: the backend is given up, and the next init works", async () => {
    await init({ backend: "webgpu", gpu });
    const backend = currentBackend() as WebGpuBackend;
    const x = tensor([1, -2, 3]);
    const { device } = backend.machine;
    device.createBuffer({ size: device.limits.maxBufferSize * 2, usage: 128 });
    for (let time = 0; time < 2; time++) {
      const error = await x.data().catch((e: unknown) => e);
      assert.is((error as ResNetError).code, "ERR_WEBGPU");
      assert.match((error as ResNetError).message, /the device refused a command \(.* Call init again/s);
    }
    await device.lost; // its memory is free
    await init({ backend: "webgpu", gpu });
    assert.is.not(currentBackend(), backend);
    assert.equal([...(await relu(tensor([1, -2, 3])).data())], [1, 0, 3]);
  });

  test("a tensor larger than the adapter binds is refused with the number", () => {
    const { limits } = (currentBackend() as WebGpuBackend).machine.device;
    const limit = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
    const length = limit / 4 + 1;
    assert.throws(
      () => Tensor.empty([length]),
      (e: unknown) => e instanceof OutOfMemoryError && e.message.includes(`binds at most ${limit}`),
    );
  });

  test("one tensor as two inputs", async () => {
    const x = tensor([1, 2, 3, 4]);
    const { add } = await import("../src/ops/pointwise.ts");
    assert.equal([...(await add(x, x).data())], [2, 4, 6, 8]);
  });

  test("fit trains: dropout, mixup, an average of the weights, clipping", async () => {
    const net = tinyNet();
    const files: Uint8Array[] = [];
    const { history, steps } = await fit(net, tinyData(), {
      ...tinyOptions,
      clipNorm: 1,
      checkpoint: (file) => void files.push(file),
    });
    assert.is(steps, 18);
    assert.ok(history.every(({ trainLoss }) => Number.isFinite(trainLoss)));
    assert.ok(history.at(-1)!.trainLoss < history[0]!.trainLoss, JSON.stringify(history));
    assert.ok(files.length > 0 && files.every(({ length }) => length > 1000));
  });

  test("freshly drawn weights, which nobody has looked at, eagerly and compiled", async () => {
    const values = Float32Array.from({ length: 192 }, (_, i) => Math.sin(i));
    const found: number[][] = [];
    const both: InitOptions[] = [{ backend: "wasm" }, { backend: "webgpu", gpu }];
    for (const options of both) {
      await init(options);
      for (const ready of [false, true]) {
        const net = tinyNet().eval();
        const x = tensor(values, [1, 3, 8, 8]);
        const run = ready ? await compile(net, [1, 3, 8, 8], { keepModel: true }) : undefined;
        const y = run ? await run.run(x) : noGrad(() => net.forward(x));
        found.push([...(await y.data())]);
      }
    }
    const [expected, ...others] = found;
    for (const other of others) {
      assert.ok(other.length === 3 && other.every((v, i) => Math.abs(v - expected![i]!) < 1e-5), JSON.stringify(found));
    }
  });

  test("the command trains with --backend webgpu, as it does with wasm", async () => {
    const folder = mkdtempSync(join(tmpdir(), "resnet-ts-webgpu-"));
    try {
      // MNIST's files with 20 pictures of 8x8, whose brightness is their class.
      const pictures = Buffer.alloc(16 + 20 * 64);
      for (const [i, v] of [0x803, 20, 8, 8].entries()) pictures.writeUInt32BE(v, 4 * i);
      const labels = Buffer.alloc(8 + 20);
      for (const [i, v] of [0x801, 20].entries()) labels.writeUInt32BE(v, 4 * i);
      for (let i = 0; i < 20; i++) {
        labels[8 + i] = i % 10;
        pictures.fill(25 * (i % 10), 16 + 64 * i, 16 + 64 * (i + 1));
      }
      for (const split of ["train", "t10k"]) {
        writeFileSync(join(folder, `${split}-images-idx3-ubyte`), pictures);
        writeFileSync(join(folder, `${split}-labels-idx1-ubyte`), labels);
      }
      const command = join(repoRoot, "build/src/cli/main.js");
      const losses = async (backend: string): Promise<{ trainLoss: number; testLoss: number }[]> => {
        const options = [
          "--epochs",
          "1",
          "--batch",
          "10",
          "--lr",
          "0.01",
          "--out",
          join(folder, backend),
          "--backend",
          backend,
        ];
        const { stdout } = await promisify(execFile)(process.execPath, [
          command,
          "train",
          "--data",
          folder,
          ...options,
        ]);
        assert.ok(existsSync(join(folder, backend, "model.safetensors")));
        return stdout
          .split("\n")
          .filter((line) => line.startsWith("{"))
          .map((line) => JSON.parse(line))
          .filter((line) => "trainLoss" in line);
      };
      const [found, expected] = [await losses("webgpu"), await losses("wasm")];
      assert.is(expected.length, 1);
      assert.is(found.length, 1);
      for (const of of ["trainLoss", "testLoss"] as const) {
        const [a, b] = [found[0]![of], expected[0]![of]];
        assert.ok(Math.abs(a - b) < 1e-3 * b, JSON.stringify({ found, expected }));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("the command classifies with --backend webgpu", async () => {
    const command = join(repoRoot, "build/src/cli/main.js");
    const picture = join(repoRoot, "assets/sample");
    const run = promisify(execFile);
    const of = async (backend: string): Promise<string[]> => {
      const { stdout } = await run(process.execPath, [command, "classify", picture, "--backend", backend]);
      return [...stdout.matchAll(/[a-z]+$/gm)].map(([label]) => label).slice(0, 3);
    };
    assert.equal(await of("webgpu"), await of("wasm"));
  });

  test("profile times every kernel of a compiled network; wasm has none", async () => {
    await init({ backend: "webgpu", gpu });
    const net = tinyNet();
    const fast = await compile(net, [1, 3, 8, 8], { keepModel: true });
    const x = tensor(new Float32Array(192), [1, 3, 8, 8]);
    const { device } = (currentBackend() as WebGpuBackend).machine;
    const times = await fast.profile(x);
    assert.ok(times.length >= fast.graph.nodes.length);
    assert.ok(times.every(({ milliseconds }) => milliseconds >= 0 && milliseconds < 10_000));
    assert.ok(times.some(({ milliseconds }) => milliseconds > 0));
    assert.equal(new Set(times.map(({ node }) => node)).size, fast.graph.nodes.length);
    const offered = device.features.has("timestamp-query");
    assert.ok(times.every(({ by }) => by === (offered ? "timestamps" : "waiting")));
    Object.defineProperty(device, "features", { value: new Set() });
    assert.ok((await fast.profile(x)).every(({ by, milliseconds }) => by === "waiting" && milliseconds > 0));
    for (const t of [x, fast]) t.dispose();
    await init({ backend: "wasm" });
    const onWasm = await compile(tinyNet(), [1, 3, 8, 8]);
    const error = await onWasm.profile(tensor(new Float32Array(192), [1, 3, 8, 8])).catch((e: unknown) => e);
    assert.match((error as Error).message, /the wasm backend does not time its kernels/);
  });
}

test.run();
