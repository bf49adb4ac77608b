import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { type SavableTensor, saveSafetensors } from "../../src/io/saveSafetensors.ts";
import { assertTensors, concat, failure, golden, goldenBytes, goldenJson, record } from "./support.ts";

const text = (s: string) => new TextEncoder().encode(s);

/** A file with this header and so many bytes of data. */
function file(header: string | Uint8Array, dataLength: number, headerLength?: number): Uint8Array<ArrayBuffer> {
  const json = typeof header === "string" ? text(header) : header;
  return concat([record([headerLength ?? json.length, 8]), json, new Uint8Array(dataLength)]);
}

const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) =>
  JSON.stringify({ dtype: "F32", shape, data_offsets: [begin, end] });

test("a file as the reference writes it", async () => {
  const checkpoint = await loadCheckpoint(golden("plain.safetensors"));
  assert.is(checkpoint.format, "safetensors");
  assertTensors(checkpoint, goldenJson("plain.json"));
  assert.equal([...checkpoint.extra], [["format", "pt"]]);
  assert.equal([...checkpoint.keys()], ["a", "b.half", "c.bf16", "d.long", "e.double", "10", "2", "mask", "none"]);
});

test("U16, U32, U64, I16 and escapes in names", async () => {
  const saved = saveSafetensors(
    new Map<string, SavableTensor>([
      ['quote " and \\ and \u{1f600}\n', { shape: [2], data: Uint16Array.of(1, 65535) }],
      ["u32", { shape: [1], data: Uint32Array.of(4294967295) }],
      ["u64", { shape: [1], data: BigUint64Array.of(2n ** 63n) }],
      ["i16", { shape: [1, 2], data: Int16Array.of(-32768, 3) }],
    ]),
  );
  const checkpoint = await loadCheckpoint(saved);
  const values = [...checkpoint].map(([name, tensor]) => [name, tensor.dtype, [...tensor.read()]]);
  assert.equal(values, [
    ['quote " and \\ and \u{1f600}\n', "U16", [1, 65535]],
    ["u32", "U32", [4294967296]],
    ["u64", "U64", [2 ** 63]],
    ["i16", "I16", [-32768, 3]],
  ]);
});

const names = fc.uniqueArray(
  fc.string({ unit: "grapheme", maxLength: 12 }).filter((s) => s !== "__metadata__" && !s.startsWith("module.")),
  {
    maxLength: 6,
  },
);

test("what is saved is loaded: any names, shapes and f32 bits, order kept, data aligned", async () => {
  await fc.assert(
    fc.asyncProperty(
      names.chain((keys) =>
        fc.tuple(
          fc.constant(keys),
          fc.array(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }), {
            minLength: keys.length,
            maxLength: keys.length,
          }),
          fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 1, maxLength: 50 }),
        ),
      ),
      async ([keys, shapes, pool]) => {
        const tensors = new Map(
          keys.map((key, i) => {
            const count = shapes[i]!.reduce((a, b) => a * b, 1);
            const bits = Uint32Array.from({ length: count }, (_, j) => pool[(i + j) % pool.length]!);
            return [key, { shape: shapes[i]!, data: new Float32Array(bits.buffer) }] as const;
          }),
        );
        const saved = saveSafetensors(tensors, { metadata: { by: "test" } });
        assert.is(new DataView(saved.buffer).getUint32(0, true) % 8, 0);
        const loaded = await loadCheckpoint(saved);
        assert.equal([...loaded.keys()], keys);
        assert.is(loaded.extra.get("by"), "test");
        for (const [key, { shape, data }] of tensors) {
          assert.equal([...loaded.get(key)!.shape], shape);
          assert.equal(new Uint32Array(loaded.get(key)!.read().buffer), new Uint32Array(data.buffer));
        }
        assert.equal(saveSafetensors(loaded, { metadata: { by: "test" } }), saved);
      },
    ),
    { numRuns: 200 },
  );
});

test("a PyTorch file becomes safetensors, f16 and f32 again: integers keep their type, floats are within half a step", async () => {
  const original = await loadCheckpoint(golden("mixed.pth"));
  const exact = await loadCheckpoint(saveSafetensors(original));
  for (const [name, tensor] of original) {
    assert.is(exact.get(name)!.dtype, tensor.dtype);
    assert.equal(exact.get(name)!.bytes(), tensor.bytes(), name);
  }
  const half = await loadCheckpoint(saveSafetensors(original, { dtype: "F16" }));
  const back = await loadCheckpoint(saveSafetensors(half, { dtype: "F32" }));
  for (const [name, tensor] of original) {
    const floating = ["F64", "F32", "F16", "BF16"].includes(tensor.dtype);
    assert.is(half.get(name)!.dtype, floating ? "F16" : tensor.dtype, name);
    assert.is(back.get(name)!.dtype, floating ? "F32" : tensor.dtype, name);
    const [before, after] = [tensor.read(), back.get(name)!.read()];
    for (let i = 0; i < before.length; i++) {
      assert.ok(Math.abs(before[i]! - after[i]!) <= Math.max(Math.abs(before[i]!) * 2 ** -11, 2 ** -25), name);
    }
  }
});

test("mixed element sizes: every tensor starts at a multiple of its element size", () => {
  const saved = saveSafetensors(
    new Map<string, SavableTensor>([
      ["a", { shape: [3], data: Uint8Array.of(1, 2, 3) }],
      ["b", { shape: [], data: BigInt64Array.of(5n) }],
      ["c", { shape: [1], data: Float32Array.of(1) }],
    ]),
  );
  const header = JSON.parse(new TextDecoder().decode(saved.subarray(8, 8 + saved[0]! + 256 * saved[1]!)));
  assert.equal(Object.keys(header), ["a", "b", "c"]);
  assert.equal(header.b.data_offsets, [0, 8]);
  assert.equal(header.c.data_offsets, [8, 12]);
  assert.equal(header.a.data_offsets, [12, 15]);
});

test("saving refuses other types, options that it does not read, and values that are no typed array", async () => {
  const save = (data: unknown, options: object = {}) =>
    saveSafetensors(new Map([["w", { shape: [2], data } as unknown as SavableTensor]]), options);
  const values = Float32Array.of(1, 2);
  assert.throws(() => save(values, { dtype: "f16" }), /unknown dtype "f16"; did you mean "F16"/);
  assert.throws(() => save(values, { dtype: "F64" }), /unknown dtype "F64"/);
  assert.throws(() => save(values, { type: "F16" }), /unknown option of saveSafetensors "type"/);
  assert.throws(() => save([1, 2]), /w: its values should be a Float32Array or another typed array, not Array/);
  const half = runInNewContext("typeof Float16Array === 'undefined' ? [1, 2] : Float16Array.of(1, 2)");
  assert.throws(() => save(half), /should be a Float32Array .* not (Float16Array|Array)/);
  for (const [kind, dtype] of [
    ["Float32Array", "F32"],
    ["Float64Array", "F64"],
    ["Int32Array", "I32"],
    ["Uint16Array", "U16"],
    ["BigUint64Array", "U64"],
  ]) {
    const foreign = runInNewContext(`${kind}.of(${kind!.startsWith("Big") ? "1n, 2n" : "1, 2"})`);
    const { dtype: found, shape } = (await loadCheckpoint(save(foreign))).get("w")!;
    assert.equal([found, shape], [dtype, [2]]);
    assert.equal((await loadCheckpoint(save(foreign))).get("w")!.read(), values, kind);
  }
  const narrowed = save(runInNewContext("Float64Array.of(1, 2)"), { dtype: "BF16" });
  assert.equal((await loadCheckpoint(narrowed)).get("w")!.read(), values);
});

test("saving refuses values that the type cannot hold, wrong counts and the reserved name", () => {
  const save =
    (data: Float32Array, shape: number[], name = "w") =>
    () =>
      saveSafetensors(new Map([[name, { shape, data }]]), { dtype: "F16" });
  assert.throws(save(Float32Array.of(1, 70000), [2]), /w holds 70000, too large for F16; use BF16 or F32/);
  assert.throws(save(Float32Array.of(1), [2]), /w has 1 values for shape \[2\]/);
  assert.throws(save(Float32Array.of(1), [1], "__metadata__"), /__metadata__/);
  assert.not.throws(save(Float32Array.of(Number.POSITIVE_INFINITY, Number.NaN, 65504), [3]));
});

const bad: [name: string, bytes: Uint8Array<ArrayBuffer>, message: RegExp][] = [
  ["a header longer than the file", file("{}      ", 0, 5000), /header should have 5000 bytes, but only 8 follow/],
  ["a header of 2^60 bytes", file("{}      ", 0, 2 ** 60), /header should have 1152921504606847000 bytes/],
  ["a header that is no JSON", file("{nonsense", 0), /not valid JSON: string expected at character 1/],
  ["a header that is no UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), 0), /not valid JSON/],
  ["text behind the header's JSON", file("{} x", 0), /unexpected text/],
  ["a header nested without end", file(`{"a":${"[".repeat(5000)}`, 0), /too deeply nested/],
  ["a key that is there twice", file(`{"a":${f32(0, 4)},"a":${f32(0, 4)}}`, 4), /the key "a" is there twice/],
  [
    "an unknown dtype",
    file(`{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}`, 4),
    /"a": dtype "F8_E4M3" is not known/,
  ],
  [
    "a dtype of the prototype",
    file(`{"a":{"dtype":"toString","shape":[4],"data_offsets":[0,4]}}`, 4),
    /"toString" is not known/,
  ],
  ["overlapping tensors", file(`{"a":${f32(0, 8)},"b":${f32(4, 12)}}`, 12), /"b" overlaps "a"/],
  ["a hole", file(`{"a":${f32(0, 4)},"b":${f32(8, 12)}}`, 12), /a hole of 4 bytes between "a" and "b"/],
  ["bytes that belong to nobody", file(`{"a":${f32(0, 4)}}`, 9), /5 bytes after "a" belong to no tensor/],
  [
    "too little data",
    file(`{"a":${f32(0, 400)}}`, 9),
    /"a" ends at byte 400 of the data, but there are only 9 \(truncated\?\)/,
  ],
  [
    "a shape that does not fit its bytes",
    file(`{"a":${f32(0, 8, [3])}}`, 8),
    /F32 of shape \[3\] needs 12 bytes, but data_offsets give it 8/,
  ],
  ["2^40 elements", file(`{"a":${f32(0, 8, [2 ** 20, 2 ** 20])}}`, 8), /needs 4398046511104 bytes/],
  ["2^106 elements", file(`{"a":${f32(0, 8, [2 ** 53 - 1, 2 ** 53 - 1])}}`, 8), /is larger than any file/],
  [
    "a shape that wraps to 8 bytes",
    file(`{"a":${f32(0, 8, [2 ** 32 + 1, 2 ** 31, 2])}}`, 8),
    /is larger than any file/,
  ],
  [
    "a size beyond 2^53",
    file(`{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}`, 4),
    /whole numbers below 2\^53/,
  ],
  ["a negative size", file(`{"a":${f32(0, 4, [-1])}}`, 4), /shape should be an array of whole numbers/],
  ["a fraction", file(`{"a":${f32(0, 4, [1.5])}}`, 4), /shape should be an array of whole numbers/],
  ["a shape that is no array", file(`{"a":${f32(0, 4, "1")}}`, 4), /shape should be an array/],
  ["descending offsets", file(`{"a":${f32(4, 0, [])}}`, 4), /two ascending numbers/],
  ["three offsets", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}`, 4), /two ascending numbers/],
  ["an unknown key", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4), /unknown key "x"/],
  ["a tensor that is a number", file(`{"a":5}`, 0), /"a" is not a JSON object/],
  ["metadata that are no strings", file(`{"__metadata__":{"a":1}}`, 0), /strings only/],
  ["65 dimensions", file(`{"a":${f32(0, 4, new Array(65).fill(1))}}`, 4), /has 65 dimensions; at most 64/],
];

for (const [name, bytes, message] of bad) {
  test(`refused: ${name}`, async () => {
    const error = await failure(loadCheckpoint(bytes, { name: "bad.safetensors" }));
    assert.match(error.message, message);
    assert.match(error.message, /^bad\.safetensors: /);
  });
}

test("a name as long as the header does not fill the message", async () => {
  const error = await failure(loadCheckpoint(file(`{"${"x".repeat(1e6)}":5}`, 0)));
  assert.ok(error.message.length < 300);
});

test("prefixes of wrappers are taken off here too, where all names have them", async () => {
  const keys = async (...names: string[]) => {
    const tensors = names.map((name) => [name, { shape: [1], data: Float32Array.of(2) }] as const);
    return [...(await loadCheckpoint(saveSafetensors(new Map(tensors)))).keys()];
  };
  assert.equal(await keys("module._orig_mod.w"), ["w"]);
  assert.equal(await keys("model.conv1.weight", "model.fc.bias"), ["conv1.weight", "fc.bias"]);
  assert.equal(await keys("model.w", "loss.w"), ["model.w", "loss.w"]);
});

test("changing a file in place while it is used is noticed", async () => {
  const { mkdtempSync, rmSync, writeFileSync } = await import("node:fs");
  const { join } = await import("node:path");
  const { tmpdir } = await import("node:os");
  const folder = mkdtempSync(join(tmpdir(), "resnet-ts-"));
  try {
    const path = join(folder, "a.safetensors");
    writeFileSync(path, goldenBytes("plain.safetensors"));
    const checkpoint = await loadCheckpoint(path);
    writeFileSync(path, goldenBytes("plain.safetensors").subarray(0, 500));
    assert.throws(() => checkpoint.get("a")!.read(), /was changed or replaced/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a text of millions of escapes is read", async () => {
  const text = "\\n".repeat(5e6);
  const checkpoint = await loadCheckpoint(file(`{"__metadata__":{"a":"${text}"}}`, 0));
  assert.is(String(checkpoint.extra.get("a")).length, 5e6);
});

test.run();
