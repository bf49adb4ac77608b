import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { init } from "../../src/init.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { Linear } from "../../src/nn/linear.ts";
import { sharedPath } from "../support/shared.ts";
import { assertTensors, failure, golden, goldenBytes, goldenJson, zipOf } from "./support.ts";

for (const variant of [
  "mixed.pth",
  "mixed-legacy.pth",
  "mixed-protocol3.pth",
  "mixed-protocol4.pth",
  "mixed-protocol5.pth",
  "mixed-legacy-protocol4.pth",
  "mixed-deflated.pth",
  "mixed-bigendian.pth",
]) {
  test(`${variant}: every type, shared, strided, expanded and channels-last tensors are as in PyTorch`, async () => {
    const checkpoint = await loadCheckpoint(golden(variant));
    assert.is(checkpoint.format, variant.includes("legacy") ? "torch-legacy" : "torch");
    assertTensors(checkpoint, goldenJson("mixed.json"));
    assert.equal([...checkpoint.keys()], Object.keys(goldenJson("mixed.json")));
  });
}

test("bytes of another realm, and loadStateDict of a Map of one", async () => {
  const context = createContext({ bytes: goldenBytes("mixed.pth") });
  for (const code of ["Uint8Array.from(bytes)", "Uint8Array.from(bytes).buffer"]) {
    const checkpoint = await loadCheckpoint(runInContext(code, context) as Uint8Array);
    assertTensors(checkpoint, goldenJson("mixed.json"));
  }
  await init();
  const layer = new Linear(2, 1, { bias: false });
  const state = runInContext("new Map([['weight', { shape: [1, 2], data: [3, 4] }]])", context) as Map<string, never>;
  layer.loadStateDict(state);
  assert.equal([...layer.weight.dataSync()], [3, 4]);
});

test("the same from bytes, an ArrayBuffer, a Blob and a file: URL", async () => {
  const bytes = goldenBytes("mixed.pth");
  const url = new URL(`file://${golden("mixed.pth")}`);
  for (const source of [bytes, bytes.buffer, new Blob([bytes]), url, url.href]) {
    assertTensors(await loadCheckpoint(source), goldenJson("mixed.json"));
  }
});

test("bytes() is the stored type, row-major and little-endian, whatever the file does", async () => {
  const [little, big] = [
    await loadCheckpoint(golden("mixed.pth")),
    await loadCheckpoint(golden("mixed-bigendian.pth")),
  ];
  for (const [name, tensor] of little) assert.equal(tensor.bytes(), big.get(name)!.bytes(), name);
  assert.equal(
    new BigInt64Array(little.get("transposed.long")!.bytes().buffer),
    BigInt64Array.of(0n, 3n, 1n, 4n, 2n, 5n),
  );
  assert.equal([...little.get("transposed.byte")!.bytes()], [0, 3, 1, 4, 2, 5]);
});

for (const variant of ["nested.pth", "nested-legacy.pth"]) {
  test(`${variant}: the state dict is found, module. is taken off, the rest is kept aside`, async () => {
    const checkpoint = await loadCheckpoint(golden(variant));
    assertTensors(checkpoint, goldenJson("nested.json"));
    assert.is(checkpoint.extra.get("epoch"), 3);
    assert.is(checkpoint.extra.get("arch"), "tiny");
    assert.is(checkpoint.extra.get("best_prec1"), 91.5);
    assert.ok(checkpoint.extra.get("optimizer") instanceof Map);
  });
}

test("the option key picks the dictionary, and a wrong one lists those that are there", async () => {
  assert.is((await loadCheckpoint(golden("nested.pth"), { key: "state_dict" })).size, 7);
  const error = await failure(loadCheckpoint(golden("nested.pth"), { key: "ema" }));
  const misspelt = await failure(loadCheckpoint(golden("nested.pth"), { kye: "ema" } as object));
  assert.match(misspelt.message, /unknown option of loadCheckpoint "kye"; did you mean "key"/);
  assert.match(error.message, /no dictionary of tensors under "ema" .*"epoch", "arch", "state_dict"/);
});

for (const [file, digest] of Object.entries(goldenJson<Record<string, string>>("shared.json"))) {
  test(`${file}: all values are PyTorch's`, async () => {
    const path = sharedPath(`weights/${file}`);
    if (path === undefined) return;
    const checkpoint = await loadCheckpoint(path);
    const hash = createHash("sha256");
    for (const tensor of checkpoint.values()) hash.update(new Uint8Array(tensor.read().buffer));
    assert.is(hash.digest("hex"), digest);
    assert.ok(checkpoint.has("layer1.0.conv1.weight"));
  });
}

const text = (s: string) => new TextEncoder().encode(s);

const refused: [name: string, source: string | Uint8Array<ArrayBuffer>, message: RegExp][] = [
  ["os.system in a zip", golden("os-system.pth"), /os-system\.pth: refused: .*"posix\.system".*nothing was run/],
  ["os.system in the legacy format", golden("os-system-legacy.pth"), /refused: .*"posix\.system"/],
  ["eval by STACK_GLOBAL", golden("eval.pth"), /refused: .*"builtins\.eval"/],
  ["a whole model", golden("whole-model.pth"), /refused: .*"torch\.nn\.modules\.linear\.Linear".*state_dict/],
  ["TorchScript", golden("torchscript.pt"), /TorchScript.*state_dict/],
  ["a single tensor", golden("single-tensor.pth"), /single tensor/],
  ["a plain pickle", golden("plain-pickle.pkl"), /Python pickle, but not one of torch\.save/],
  ["the tar format", golden("very-old.tar"), /tar archive.*0\.1\.10.*save it anew/],
  ["a folder", golden("."), /is a folder/],
  ["no file", golden("nothing.pth"), /nothing\.pth: there is no such file/],
  ["no file address", "file://[", /^file:\/\/\[: is no valid file address/],
  ["an empty file", new Uint8Array(0), /buffer: is empty/],
  ["one byte", text("x"), /fewer than the 8/],
  ["a web page", text("<!DOCTYPE html>\n<html><body>Sign in</body></html>"), /HTML page, not weights/],
  [
    "a Git LFS pointer",
    text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"),
    /Git LFS pointer/,
  ],
  ["HDF5", Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10, 0, 0, 0, 0), /damaged or truncated HDF5 file/],
  ["gzip", Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0), /gzip/],
  ["JSON", text('{"error": "not found"}'), /JSON text/],
  ["a picture", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70), /begins with ff d8 ff e0/],
  ["a zip of something else", zipOf({ "readme.txt": text("hello") }), /not one of torch\.save/],
  [
    "a Keras file",
    zipOf({ "config.json": text("{}"), "model.weights.h5": text("") }),
    /damaged or truncated HDF5 file/,
  ],
];

for (const [name, source, message] of refused) {
  test(`refused: ${name}`, async () => {
    const error = await failure(loadCheckpoint(source));
    assert.match(error.message, message);
  });
}

test("nothing was run", () => {
  assert.not(existsSync("/tmp/resnet-ts-was-here"));
});

test("every truncation of every format is refused, or leaves whole tensors", async () => {
  for (const file of ["nested.pth", "nested-legacy.pth", "plain.safetensors"]) {
    const bytes = readFileSync(golden(file));
    for (let length = 0; length < bytes.length; length += 7) {
      const error = await failure(loadCheckpoint(new Uint8Array(bytes.subarray(0, length)), { name: "cut.pth" }));
      assert.match(error.message, /^cut\.pth: /);
    }
  }
});

test.run();
