import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { type SavableTensor, saveSafetensors } from "../../src/io/saveSafetensors.ts";
import { embeddedCifarResnet20 } from "../../src/models/embedded/cifarResnet20.ts";

const save = (tensors: Record<string, SavableTensor>, dtype?: "F32" | "F16" | "I8") =>
  saveSafetensors(new Map(Object.entries(tensors)), dtype === undefined ? {} : { dtype });

const header = (file: Uint8Array): Record<string, { dtype: string; shape: number[] }> =>
  JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + Number(new DataView(file.buffer).getBigUint64(0, true)))));

const magnitudes = [1, 1e-3, 1e-30, 1e-37, 1e-44, 1e30, 3e38];

test("any weights: each is within half a step of its channel, and what was read gives the same file again", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 40 }), fc.constantFrom(...magnitudes)),
      fc.infiniteStream(fc.float({ min: -1, max: 1, noNaN: true })),
      async ([channels, row, size], stream) => {
        const data = Float32Array.from({ length: channels * row }, () => size * (stream.next().value as number));
        const saved = save({ w: { shape: [channels, row, 1], data } }, "I8");
        const loaded = await loadCheckpoint(saved);
        assert.equal([...loaded.keys()], ["w"]);
        const values = loaded.get("w")!.read();
        for (let c = 0; c < channels; c++) {
          const largest = data.subarray(c * row, (c + 1) * row).reduce((a, v) => Math.max(a, Math.abs(v)), 0);
          // A scale is rounded up to 16 significant bits; below f32's normal numbers steps are 2^-126.
          const step = Math.max((largest / 127) * (1 + 2 ** -15), 2 ** -126);
          for (let i = c * row; i < (c + 1) * row; i++)
            assert.ok(Math.abs(values[i]! - data[i]!) <= step / 2, `${data[i]} became ${values[i]}, step ${step}`);
        }
        assert.equal(saveSafetensors(loaded), saved, "as it is");
        assert.equal(save({ w: { shape: [channels, row, 1], data: values } }, "I8"), saved, "by way of f32");
      },
    ),
    { numRuns: 300 },
  );
});

test("weights get 8 bits and a scale; biases, statistics, counters and empty tensors keep their type", async () => {
  const tensors = {
    "conv.weight": { shape: [2, 3, 1, 1], data: Float32Array.of(1.1, -2, 0.5, 0, 0, 0) },
    "fc.weight": { shape: [1, 2], data: Float64Array.of(127, -63.4) },
    "fc.bias": { shape: [2], data: Float32Array.of(0.1, 0.2) },
    wide: { shape: [1], data: Float64Array.of(0.1) },
    scalar: { shape: [], data: Float32Array.of(3) },
    none: { shape: [0, 3], data: new Float32Array(0) },
    steps: { shape: [2, 1], data: BigInt64Array.of(5n, 6n) },
    small: { shape: [2, 1], data: Int8Array.of(5, -6) },
  };
  const file = save(tensors, "I8");
  const types = Object.entries(header(file)).map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape.join("x")}`);
  assert.equal(types, [
    "conv.weight I8 2x3x1x1",
    "conv.weight_scale F32 2x1x1x1",
    "fc.weight I8 1x2",
    "fc.weight_scale F32 1x1",
    "fc.bias F32 2",
    "wide F64 1",
    "scalar F32 ",
    "none F32 0x3",
    "steps I64 2x1",
    "small I8 2x1",
  ]);
  const loaded = await loadCheckpoint(file);
  assert.equal([...loaded.keys()], Object.keys(tensors));
  assert.equal([...loaded.get("fc.weight")!.read()], [127, -63]);
  assert.equal([...new Int8Array(loaded.get("conv.weight")!.bytes().buffer)], [70, -127, 32, 0, 0, 0]);
  assert.equal([...loaded.get("small")!.read()], [5, -6]);
  const into = new Float32Array(2);
  loaded.get("fc.weight")!.readInto(into);
  assert.equal([...into], [127, -63]);
  const wide = header(saveSafetensors(loaded, { dtype: "F16" }));
  assert.is(wide["conv.weight"]!.dtype, "F16");
  assert.not("conv.weight_scale" in wide);
});

test("others' files: scales of every usual shape and type are read, and kept when saved again", async () => {
  const codes = { shape: [2, 2], data: Int8Array.of(1, -2, 3, 127) };
  const scales: [shape: number[], data: Float32Array, expected: number[]][] = [
    [[2], Float32Array.of(0.5, 0.1), [0.5, -1, Math.fround(3 * Math.fround(0.1)), Math.fround(127 * Math.fround(0.1))]],
    [[2, 1], Float32Array.of(0.5, 2), [0.5, -1, 6, 254]],
    [[1], Float32Array.of(0.25), [0.25, -0.5, 0.75, 31.75]],
    [[], Float32Array.of(0.25), [0.25, -0.5, 0.75, 31.75]],
  ];
  for (const [shape, data, expected] of scales) {
    const file = save({ w: codes, w_scale: { shape, data } });
    const loaded = await loadCheckpoint(file);
    assert.equal([...loaded.get("w")!.read()], expected, `scales of shape [${shape}]`);
    assert.equal(saveSafetensors(loaded), file);
    assert.equal(saveSafetensors(loaded, { dtype: "I8" }), file);
  }
  const half = await loadCheckpoint(
    saveSafetensors(
      new Map<string, SavableTensor>([
        ["w", codes],
        ["w_scale", { shape: [2, 1], data: Float32Array.of(0.5, 2) }],
      ]),
      { dtype: "F16" },
    ),
  );
  assert.equal([...half.get("w")!.read()], [0.5, -1, 6, 254], "scales of 16 bits");
});

test("what is no pair of codes and scales stays as it is", async () => {
  const codes = { shape: [2, 2], data: Int8Array.of(1, -2, 3, 127) };
  const two = { shape: [2], data: Float32Array.of(1, 2) };
  const cases: Record<string, SavableTensor>[] = [
    { w: codes, w_scale: two, w_zero_point: { shape: [2], data: Int8Array.of(0, 1) } },
    { w: codes, w_scale: { shape: [3], data: Float32Array.of(1, 2, 3) } },
    { w: codes, w_scale: { shape: [1, 2], data: Float32Array.of(1, 2) } },
    { w: codes, w_scale: { shape: [2], data: Int32Array.of(1, 2) } },
    { w: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }, w_scale: two },
    { w: { shape: [2], data: Int8Array.of(1, 2) }, w_scale: two },
  ];
  for (const tensors of cases) {
    const loaded = await loadCheckpoint(save(tensors));
    assert.equal([...loaded.keys()], Object.keys(tensors));
  }
});

test("refused: values that are not finite, a name that the scales need, a wrong count", () => {
  const w = (...data: number[]) => ({ shape: [data.length, 1], data: Float32Array.from(data) });
  assert.throws(() => save({ w: w(1, Number.NaN) }, "I8"), /w holds NaN, which I8 cannot store; use F32/);
  assert.throws(() => save({ w: w(1, Number.NEGATIVE_INFINITY) }, "I8"), /w holds -Infinity/);
  assert.throws(() => save({ w: w(1), w_scale: w(1) }, "I8"), /w_scale is both a tensor and the scales of an I8 one/);
  assert.throws(
    () => save({ w: { shape: [2, 1], data: Float32Array.of(1) } }, "I8"),
    /w has 1 values for shape \[2, 1\]/,
  );
});

test("the embedded model is such a file, a quarter of its weights in f32", async () => {
  const bytes = await embeddedCifarResnet20();
  const loaded = await loadCheckpoint(bytes);
  assert.is(loaded.get("layer1.0.conv1.weight")!.dtype, "I8");
  assert.not([...loaded.keys()].some((name) => name.endsWith("_scale")));
  assert.ok(bytes.length < 0.27 * saveSafetensors(loaded, { dtype: "F32" }).length);
});

test.run();
