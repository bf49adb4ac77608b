import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileFormatError } from "../../src/errors.ts";
import { decodeImage, imageInfo } from "../../src/vision/decode.ts";
import { MAX_SIDE, toRgb } from "../../src/vision/image.ts";
import { crc32 } from "../../src/vision/png.ts";
import { repoRoot } from "../support/shared.ts";
import { goldenFiles } from "./files.ts";
import { sha } from "./pixels.ts";

const test = suite("decode");
const { pillow, files, file } = goldenFiles();

test(`${files.length} files of every kind give Pillow ${pillow}'s pixels, upright`, async () => {
  assert.ok(files.length > 50);
  for (const { name, data, size, sha256, rgb } of files) {
    const image = toRgb(await decodeImage(data, name));
    assert.equal([image.width, image.height], size, name);
    assert.equal([imageInfo(data).width, imageInfo(data).height], size, name);
    if (rgb === undefined) {
      assert.is(sha(image.data), sha256, name);
    } else {
      // CMYK goes through jpeg-js, whose inverse DCT rounds otherwise than libjpeg's: up to 3 of 255 was measured.
      const worst = rgb.reduce((max, v, i) => Math.max(max, Math.abs(v - image.data[i]!)), 0);
      assert.ok(worst <= 3, `${name}: ${worst}`);
    }
  }
});

test("CMYK without Adobe's segment is what it is with it, as for libjpeg", async () => {
  const data = file("CMYK.jpg");
  const at = data.findIndex((b, i) => b === 0xff && data[i + 1] === 0xee);
  const without = Uint8Array.from([...data.subarray(0, at), ...data.subarray(at + 16)]);
  assert.equal(await decodeImage(without), await decodeImage(data));
});

test("of 16 bits the upper 8 are kept, grey too", async () => {
  const header = Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 1, 16, 0, 0, 0, 0);
  const stored = deflateSync(Uint8Array.of(0, 0x12, 0xff, 0xfe, 0));
  const image = await decodeImage(png(["IHDR", header], ["IDAT", stored], ["IEND", new Uint8Array()]));
  assert.equal([...image.data], [0x12, 0xfe]);
});

/** A PNG of the given chunks. */
function png(...chunks: [string, Uint8Array][]): Uint8Array {
  const out = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  const word = (v: number) => [v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255];
  for (const [type, data] of chunks) {
    const body = [...new TextEncoder().encode(type), ...data];
    out.push(...word(data.length), ...body, ...word(crc32(Uint8Array.from(body))));
  }
  return Uint8Array.from(out);
}

const size = (width: number, height: number, rest = [8, 2, 0, 0, 0]): [string, Uint8Array] => {
  const bytes = new Uint8Array(13);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  bytes.set(rest, 8);
  return ["IHDR", bytes];
};
const end: [string, Uint8Array] = ["IEND", new Uint8Array()];
const idat: [string, Uint8Array] = ["IDAT", Uint8Array.of(0x78, 1, 3, 0, 0, 0, 0, 1)];

async function refused(data: Uint8Array, words: RegExp): Promise<void> {
  try {
    await decodeImage(data, "some/file.png");
  } catch (error) {
    assert.instance(error, FileFormatError);
    assert.match((error as Error).message, /^some\/file\.png: /);
    assert.match((error as Error).message, words);
    return;
  }
  assert.unreachable(`expected ${words}`);
}

test("what is no picture is called by its name", async () => {
  const text = (s: string) => new TextEncoder().encode(s);
  const cases: [string | Uint8Array, RegExp][] = [
    ["", /is empty \(0 bytes\)/],
    ["hello, I am a .png\n", /is a text file, expected a JPEG or PNG picture/],
    ["<!DOCTYPE html><html>", /web page \(HTML\).*does the address lead to the picture itself/],
    ['<?xml version="1.0"?><svg xmlns="x">', /an SVG drawing.*convert it/],
    ["GIF89a\0\0", /a GIF.*convert it to JPEG or PNG/],
    ["RIFF\0\0\0\0WEBPVP8 ", /a WebP/],
    ["\0\0\0\x1cftypavif", /an AVIF/],
    ["\0\0\0\x1cftypheic", /a HEIC/],
    ["\0\0\0\x1cftypmif1", /a HEIC/],
    ["II*\0\x08\0\0\0", /a TIFF/],
    ["BM6\0\0\0", /a BMP/],
    ["%PDF-1.7", /a PDF/],
    ["PK\x03\x04", /a zip archive/],
    [Uint8Array.of(0x1f, 0x8b, 8), /a gzip archive/],
    [Uint8Array.of(1, 2, 250), /not a picture that is known.*01 02 fa/],
  ];
  for (const [data, words] of cases) await refused(typeof data === "string" ? text(data) : data, words);
});

test("a truncated JPEG or PNG is refused at every length", async () => {
  for (const name of ["420.jpg", "420-progressive.jpg", "rgb8-interlaced.png", "palette2.png"]) {
    const data = file(name);
    for (let length = name.endsWith("jpg") ? 4 : 9; length < data.length; length += 7) {
      await refused(data.subarray(0, length), /truncated/);
    }
  }
});

test("sizes are refused before anything is allocated", async () => {
  await refused(png(size(0, 4), idat, end), /0x4 pixels/);
  await refused(png(size(40_000, 40_000), idat, end), new RegExp(`40000x40000.*at most ${MAX_SIDE}`));
  await refused(png(size(30_000, 20_000), idat, end), /600000000 in all/);
  await refused(png(size(10_000, 10_000), idat, end), /8 packed bytes cannot hold them/);
  const jpeg = file("420.jpg").slice();
  const frame = jpeg.findIndex((b, i) => b === 0xff && jpeg[i + 1] === 0xc0);
  const set = (at: number, value: number) => jpeg.set([value >> 8, value & 255], frame + at);
  set(7, 40_000);
  await refused(jpeg, /40000x13 pixels/);
  set(7, 10_000);
  set(5, 10_000);
  await refused(jpeg, /bytes of data cannot hold 10000x10000/);
  set(5, 0);
  await refused(jpeg, /10000x0 pixels/);
});

test("a PNG that unpacks to more than its pixels is stopped", async () => {
  const bomb = deflateSync(new Uint8Array(1 << 24));
  const before = process.memoryUsage().arrayBuffers;
  await refused(png(size(4, 4), ["IDAT", bomb], end), /cannot be unpacked/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 22);
});

test("damage is said for what it is", async () => {
  const good = file("rgb8.png");
  const bad = good.slice();
  bad[17] = 0xff;
  await refused(bad, /checksum of its chunk IHDR/);
  await refused(png(size(4, 4, [3, 2, 0, 0, 0]), idat, end), /colour type 2 with 3 bits/);
  await refused(png(size(4, 4, [8, 2, 0, 0, 7]), idat, end), /interlace 7/);
  await refused(png(size(4, 4, [8, 3, 0, 0, 0]), idat, end), /palette \(PLTE\) is missing/);
  await refused(png(idat, end), /does not begin with its size/);
  await refused(png(size(4, 4), end), /no IDAT/);
  await refused(png(size(4, 4), ["ABCD", new Uint8Array(2)], idat, end), /unknown chunk ABCD/);
  await refused(png(size(4, 4), idat, end), /need 52 bytes, it has 0/);
  const corrupt = good.slice();
  corrupt[corrupt.length - 30]! ^= 0x55;
  await refused(corrupt, /cannot be unpacked/);
  const jpeg = file("444.jpg");
  const twelve = jpeg.slice();
  const frame = jpeg.findIndex((b, i) => b === 0xff && jpeg[i + 1] === 0xc0);
  twelve[frame + 4] = 12;
  await refused(twelve, /12 bits a sample/);
  twelve[frame + 4] = 8;
  twelve[frame + 1] = 0xc9;
  await refused(twelve, /arithmetic coding/);
  await refused(jpeg.subarray(0, 3), /truncated/);
  await refused(Uint8Array.of(...jpeg.subarray(0, frame), 0xff, 0xd9), /no picture in it/);
});

test("a decoder that gave up does not spoil the next picture", async () => {
  const jpeg = file("420.jpg");
  const bad = jpeg.slice();
  const huffman = bad.findIndex((b, i) => b === 0xff && bad[i + 1] === 0xc4);
  bad.fill(0xff, huffman + 5, huffman + 21);
  for (let i = 0; i < 3; i++) {
    await refused(bad, /the JPEG cannot be decoded: .*[Hh]uffman/);
    assert.is(sha(toRgb(await decodeImage(jpeg)).data), files.find((f) => f.name === "420.jpg")!.sha256);
  }
});

test("the bundled sample is read", async () => {
  const data = new Uint8Array(readFileSync(join(repoRoot, "assets/sample/cat.jpg")));
  assert.ok(data.length < 40_000);
  assert.is(imageInfo(data).format, "jpeg");
});

test.run();
