import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import h5wasm from "h5wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { init } from "../../src/init.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { saveKeras } from "../../src/io/saveKeras.ts";
import { saveSafetensors } from "../../src/io/saveSafetensors.ts";
import type { Checkpoint } from "../../src/io/stateDict.ts";
import { Bottleneck } from "../../src/models/blocks.ts";
import { resnet18 } from "../../src/models/imagenet.ts";
import { kerasResnet50, kerasResnet50V2 } from "../../src/models/keras.ts";
import { ResNet } from "../../src/models/resnet.ts";
import { BatchNorm2d } from "../../src/nn/batchNorm2d.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { fillInput, fillTensor } from "../support/fill.ts";
import { readGolden } from "../support/golden.ts";
import { repoRoot } from "../support/shared.ts";
import { failure, zipOf } from "./support.ts";

await init({ backend: "wasm" });

const file = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(gunzipSync(readFileSync(join(repoRoot, "test/golden/keras", `${name}.gz`))));
const narrow = { width: 1, classes: 10, classifierActivation: null, init: "empty" } as const;
const build = (version: 1 | 2) => (version === 1 ? kerasResnet50(narrow) : kerasResnet50V2(narrow));

/** Every parameter and statistic of the network is there, with the filler's values. */
function assertFilled(checkpoint: Checkpoint, version: 1 | 2, round: (v: Float32Array) => Float32Array): void {
  const wanted = [...build(version).stateDict()].filter(([key]) => !key.endsWith("num_batches_tracked"));
  assert.equal([...checkpoint.keys()].sort(), wanted.map(([key]) => key).sort());
  for (const [key, { shape }] of wanted) {
    const found = checkpoint.get(key)!;
    assert.equal([...found.shape], [...shape], key);
    assert.equal(found.read(), round(fillTensor(key, shape)), key);
  }
}

const same = (v: Float32Array): Float32Array => v;
/** Through safetensors, whose narrowing is tested against PyTorch's. */
const through = (dtype: "F16" | "BF16") => async (): Promise<(v: Float32Array) => Float32Array> => {
  const { narrowF16, narrowBF16 } = await import("../../src/io/half.ts");
  const { decode } = await import("../../src/io/dtype.ts");
  const narrowed = dtype === "F16" ? narrowF16 : narrowBF16;
  return (v) => {
    const bits = new Uint32Array(v.slice().buffer);
    const out = new Float32Array(v.length);
    decode(dtype, new Uint8Array(Uint16Array.from(bits, narrowed).buffer), out);
    return out;
  };
};

const files: [name: string, version: 1 | 2, dtype?: "F16" | "BF16"][] = [
  ["resnet50.h5", 1],
  ["resnet50-caffe-names.h5", 1],
  ["resnet50v2-model.h5", 2],
  ["resnet50.weights.h5", 1],
  ["resnet50v2-tf213.weights.h5", 2],
  ["resnet50v2-named.weights.h5", 2],
  ["resnet50-inner.weights.h5", 1, "F16"],
  ["resnet50-bfloat16.weights.h5", 1, "BF16"],
];

for (const [name, version, dtype] of files) {
  test(`${name}: every tensor under our name, in our order of axes`, async () => {
    const checkpoint = await loadCheckpoint(file(name));
    assert.is(checkpoint.format, "keras");
    assert.is(checkpoint.get("conv1.weight")!.dtype, dtype ?? "F32");
    assertFilled(checkpoint, version, dtype === undefined ? same : await through(dtype)());
  });
}

for (const version of [1, 2] as const) {
  test(`V${version} from a file of Keras gives its twin's logits`, async () => {
    const net = build(version);
    net.loadStateDict(await loadCheckpoint(file(version === 1 ? "resnet50.h5" : "resnet50v2-named.weights.h5")));
    net.eval();
    const x = tensor(fillInput([2, 3, 97, 65]), [2, 3, 97, 65]);
    const logits = net.forward(x).dataSync();
    const golden = readGolden("keras/logits.safetensors").get(`v${version}`)!;
    const largest = Math.max(...golden.data.map(Math.abs));
    const worst = Math.max(...[...golden.data].map((v, i) => Math.abs(v - logits[i]!)));
    assert.ok(worst <= 1e-5 * largest, `${worst / largest}`);
    net.dispose();
  });
}

test("all layouts, safetensors of them and a .keras archive load to the same bits", async () => {
  const x = tensor(fillInput([1, 3, 64, 64]), [1, 3, 64, 64]);
  const run = (checkpoint: Checkpoint): Float32Array => {
    const net = build(1);
    net.loadStateDict(checkpoint);
    return net.eval().forward(x).dataSync();
  };
  const first = run(await loadCheckpoint(file("resnet50.h5")));
  for (const name of ["resnet50-caffe-names.h5", "resnet50.weights.h5"]) {
    assert.equal(run(await loadCheckpoint(file(name))), first, name);
  }
  const torchvisionNames = saveSafetensors(await loadCheckpoint(file("resnet50.h5")));
  assert.equal(run(await loadCheckpoint(torchvisionNames)), first);
  const archive = zipOf({ "config.json": new Uint8Array(2), "model.weights.h5": file("resnet50.weights.h5") });
  assert.equal(run(await loadCheckpoint(archive)), first);
});

/** Weights of torchvision's ResNet-50 without its classifier, as a checkpoint. */
const torchvision = (): ResNet =>
  new ResNet(Bottleneck, [3, 4, 6, 3], {
    strideOn: "1x1",
    numClasses: 10,
    normLayer: (channels) => new BatchNorm2d(channels, { eps: 1.001e-5 }),
    init: "empty",
  });

for (const layout of ["h5", "weights.h5"] as const) {
  for (const [name, version] of [
    ["resnet50.h5", 1],
    ["resnet50v2-model.h5", 2],
  ] as const) {
    test(`V${version} written as ${layout} and read again`, async () => {
      const written = await saveKeras(await loadCheckpoint(file(name)), h5wasm, { layout });
      assertFilled(await loadCheckpoint(written), version, same);
    });
  }
}

test("torchvision's names to Keras's and back: the same bits, in both networks", async () => {
  const net = torchvision();
  for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape));
  const own = await loadCheckpoint(saveSafetensors(net.stateDict()));
  const keras = await loadCheckpoint(await saveKeras(own, h5wasm, { layout: "weights.h5" }));
  for (const [key, t] of own) if (!key.endsWith("tracked")) assert.equal(keras.get(key)!.read(), t.read(), key);
  // Where the mathematics is the same (the paper's strides, Keras's epsilon, biases of 0), so are the bits.
  const theirs = kerasResnet50({ classes: 10, classifierActivation: null, init: "empty" });
  theirs.loadStateDict(keras);
  const x = tensor(fillInput([2, 3, 65, 97]), [2, 3, 65, 97]);
  const logits = net.eval().forward(x).dataSync();
  assert.equal(theirs.eval().forward(x).dataSync(), logits);
  assert.ok(logits.some((v) => v !== logits[0]));
  theirs.dispose();
  net.dispose();
});

test("what Keras has no place for is refused", async () => {
  const state = async (net: ResNet) => loadCheckpoint(saveSafetensors(net.stateDict()));
  const small = await state(resnet18({ init: "empty", numClasses: 1 }));
  assert.match((await failure(saveKeras(small, h5wasm, { layout: "h5" }))).message, /only ResNets of bottlenecks/);
  const shallow = await state(new ResNet(Bottleneck, [1, 1, 1, 1], { init: "empty", numClasses: 1 }));
  assert.match((await failure(saveKeras(shallow, h5wasm, { layout: "h5" }))).message, /none of 50, 101, 152/);
});

test("the bytes of a tensor are as in safetensors", async () => {
  const checkpoint = await loadCheckpoint(file("resnet50-inner.weights.h5"));
  const again = await loadCheckpoint(saveSafetensors(checkpoint));
  for (const [key, t] of checkpoint) assert.equal(again.get(key)!.read(), t.read(), key);
});

test("a damaged file is one clear error, wherever it is damaged", async () => {
  const whole = file("resnet50.h5");
  for (const length of [9, 100, 2000, 40_000, whole.length - 1]) {
    const { message } = await failure(loadCheckpoint(whole.subarray(0, length), { name: "cut.h5" }));
    assert.match(message, /^cut\.h5: is a damaged or truncated HDF5 file: .*truncated file|^cut\.h5: .*HDF5/);
    assert.not.match(message, /\n/);
  }
  let [read, refused] = [0, 0];
  for (let i = 0; i < 40; i++) {
    const damaged = whole.slice();
    for (let k = 0; k < 40; k++) {
      const at = (i * 7919 + k * 104_729) % 60_000;
      damaged[at] = damaged[at]! ^ (1 + ((i + k) % 255));
    }
    try {
      for (const t of (await loadCheckpoint(damaged, { name: "flipped.h5" })).values()) t.read();
      read++;
    } catch (error) {
      assert.match(String(error), /FileFormatError: flipped\.h5: /);
      refused++;
    }
  }
  assert.ok(refused > 20, `${refused} refused, ${read} read`);
});

test("HDF5 that is not Keras's, or not of these networks, is refused by name", async () => {
  assert.match((await failure(loadCheckpoint(file("other.h5")))).message, /HDF5 file, but not one of Keras's weights/);
});

test("a browser's library is handed over", async () => {
  assert.is((await loadCheckpoint(new Blob([file("resnet50.h5")]), { hdf5: h5wasm })).size, 320);
});

test("a global heap that leads nowhere ends in an error, not in a loop", () => {
  const program = join(repoRoot, "build/test/support/damagedHeap.js");
  // A first object without end, then one so long that 32 bits overflow.
  for (const change of ["928=127", "953=4"]) {
    const { stdout, signal } = spawnSync(process.execPath, [program, change], { encoding: "utf8", timeout: 20_000 });
    assert.is(signal, null, `${change}: it hangs`);
    assert.match(stdout, /^damaged\.h5: is a damaged or truncated HDF5 file: bad global heap collection signature/);
  }
});

test.run();
