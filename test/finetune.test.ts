import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { memorySource } from "../src/io/source.ts";
import { readZip } from "../src/io/zip.ts";
import { decodeImage } from "../src/vision/decode.ts";
import { encodePng } from "../src/vision/encodePng.ts";
import type { RawImage } from "../src/vision/image.ts";
import { sharedPath } from "./support/shared.ts";

/** `resnet-ts finetune` on folders of real pictures, and on the folders that people get wrong. */
const test = suite("finetune");
const command = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "resnet-ts-finetune-"));
test.after(() => rmSync(root, { recursive: true, force: true }));

function run(...args: string[]): { code: number | null; out: string; error: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, "finetune", ...args], { encoding: "utf8" });
  return { code: status, out: stdout, error: stderr };
}

interface Result {
  readonly classes: number;
  readonly pictures: number;
  readonly kept: number;
  readonly trainAccuracy: number;
  readonly accuracy: number;
  readonly seconds: number;
}

const last = (text: string): Result => JSON.parse(text.trim().split("\n").pop()!) as Result;

function put(folder: string, name: string, bytes: Uint8Array): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), bytes);
}

const zip = sharedPath("data/cifar10-jpeg.zip");
if (zip === undefined) console.log("finetune: cifar10-jpeg.zip is absent; the ten classes are not learned");
else {
  test("ten classes of twenty pictures, JPEG and PNG, with the embedded network, in under a minute", async () => {
    const bytes = readFileSync(zip);
    const folder = join(root, "ten");
    const counts = new Map<string, number>();
    for (const [name, member] of readZip(memorySource(zip, bytes))) {
      const [split, label, file] = name.split("/");
      if (split !== "test" || !file || member.method !== 0) continue;
      const n = counts.get(label!) ?? 0;
      if (n === 20) continue;
      counts.set(label!, n + 1);
      const jpeg = bytes.subarray(member.offset, member.offset + member.size);
      if (n % 2 === 0) put(join(folder, label!), file, jpeg);
      else put(join(folder, label!), file.replace("jpg", "png"), await encodePng(await decodeImage(jpeg, name)));
    }
    assert.equal([...counts.values()], new Array(10).fill(20));
    const out = join(root, "ten-out");
    const { code, out: said, error } = run(folder, "--out", out, "--json");
    assert.is(code, 0, error);
    const result = last(said);
    console.log(`ten classes: ${JSON.stringify(result)}`);
    assert.is(result.classes, 10);
    assert.is(result.pictures, 160);
    assert.is(result.kept, 40);
    assert.ok(result.accuracy >= 0.7, `accuracy ${result.accuracy}`);
    assert.ok(result.seconds < 60, `${result.seconds} s`);
    assert.is(readFileSync(join(out, "labels.txt"), "utf8").trim().split("\n").length, 10);
    const again = run(folder, "--out", `${out}-2`, "--json", "--workers", "0");
    assert.is(again.code, 0, again.error);
    assert.ok(
      readFileSync(join(out, "model.safetensors")).equals(readFileSync(join(`${out}-2`, "model.safetensors"))),
      "the same folder gives the same bits, with a worker and without",
    );
  });
}

function crop({ data, width, channels }: RawImage, x: number, y: number, size: number): RawImage {
  const out = new Uint8Array(size * size * channels);
  for (let row = 0; row < size; row++) {
    const from = ((y + row) * width + x) * channels;
    out.set(data.subarray(from, from + size * channels), row * size * channels);
  }
  return { data: out, width: size, height: size, channels } as RawImage;
}

const photos = ["cat", "coffee"].map((name) => sharedPath(`photos/${name}.png`));
if (photos.some((path) => path === undefined)) console.log("finetune: photographs are absent");
else {
  test("a handful of photographs, then all layers", async () => {
    const folder = join(root, "photos");
    for (const [i, name] of ["cat", "coffee"].entries()) {
      const photo = await decodeImage(readFileSync(photos[i]!), name);
      for (let k = 0; k < 8; k++) {
        const [x, y] = [(k % 4) * 40, Math.floor(k / 4) * 60];
        put(join(folder, name), `${k}.png`, await encodePng(crop(photo, x, y, 200)));
      }
    }
    const out = join(root, "photos-out");
    const { code, out: said, error } = run(folder, "--out", out, "--all-epochs", "2", "--json");
    assert.is(code, 0, error);
    const result = last(said);
    console.log(`photographs: ${JSON.stringify(result)}`);
    assert.is(result.trainAccuracy, 1);
    assert.is(result.accuracy, 1);
    const weights = ["--weights", join(out, "model.safetensors"), "--labels", join(out, "labels.txt")];
    const seen = spawnSync(
      process.execPath,
      [command, "classify", join(folder, "coffee/3.png"), ...weights, "--json", "--top", "2"],
      {
        encoding: "utf8",
      },
    );
    assert.is(seen.status, 0, seen.stderr);
    assert.is((JSON.parse(seen.stdout) as { top: { label: string }[] }).top[0]!.label, "coffee");
  });
}

const grey = (value: number): RawImage => ({
  data: new Uint8Array(32 * 32 * 3).fill(value),
  width: 32,
  height: 32,
  channels: 3,
});

test("folders that cannot be learned from: one clear message each, nothing written", async () => {
  const picture = await encodePng(grey(90));
  const build = (name: string, files: Readonly<Record<string, Uint8Array | null>>): string => {
    for (const [file, bytes] of Object.entries(files)) {
      const path = join(root, name, file);
      if (bytes === null) mkdirSync(path, { recursive: true });
      else put(join(path, ".."), path.split("/").pop()!, bytes);
    }
    return join(root, name);
  };
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["an empty class folder", build("empty", { "a/1.png": picture, "b/1.png": picture, c: null }), /class folder c/],
    ["one class", build("one", { "a/1.png": picture, "a/2.png": picture }), /1 class \(a\); at least two/],
    [
      "pictures that cannot be read",
      build("broken", { "a/1.png": picture, "b/1.png": picture.subarray(0, 60), "b/2.png": picture }),
      /1 of 3 pictures cannot be read: .*b\/1\.png/,
    ],
    ["no pictures", build("none", { "a/readme.txt": new Uint8Array(3) }), /no JPEG or PNG picture/],
    ["no folder", join(root, "nowhere"), /nowhere/],
  ];
  for (const [what, folder, message] of cases) {
    const out = join(root, "never");
    const { code, error } = run(folder, "--out", out);
    assert.ok(code === 1 || code === 2, `${what}: exit code ${code}`);
    assert.match(error, message, what);
    const lines = error
      .trim()
      .split("\n")
      .filter((line) => !line.startsWith("see resnet-ts"));
    assert.is(lines.length, 1, `${what}: one line, got ${error}`);
    assert.not(existsSync(out), what);
  }
  assert.is(run(join(root, "one")).code, 2);
});

test.run();
