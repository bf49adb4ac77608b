import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ResNetError } from "../../src/errors.ts";
import { checkImage, MAX_SIDE, type RawImage, toGrey, toRgb } from "../../src/vision/image.ts";
import { type Interpolation, resize } from "../../src/vision/resize.ts";
import { repoRoot } from "../support/shared.ts";
import { pixels, sha } from "./pixels.ts";

interface Case {
  seed: number;
  channels: 1 | 3;
  from: [number, number];
  to: [number, number];
  filter: Interpolation;
  sha256: string;
  pixels?: number[];
}
const golden = JSON.parse(readFileSync(join(repoRoot, "test/golden/vision/resize.json"), "utf8")) as {
  pillow: string;
  cases: Case[];
};

const test = suite("resize");

test(`equals Pillow ${golden.pillow} to the last bit in ${golden.cases.length} cases`, () => {
  assert.ok(golden.cases.length >= 200);
  for (const c of golden.cases) {
    const [width, height] = c.from;
    const image: RawImage = { data: pixels(c.seed, width * height * c.channels), width, height, channels: c.channels };
    const out = resize(image, c.to[0], c.to[1], c.filter);
    const name = `${c.filter} ${c.from} -> ${c.to} x${c.channels}`;
    if (c.pixels !== undefined) assert.equal([...out.data], c.pixels, name);
    assert.is(sha(out.data), c.sha256, name);
    assert.equal([out.width, out.height, out.channels], [c.to[0], c.to[1], c.channels]);
  }
});

test("four channels are treated alike", () => {
  const rgb = { data: pixels(5, 20 * 10 * 3), width: 20, height: 10, channels: 3 as const };
  const rgba = new Uint8Array(20 * 10 * 4);
  for (let i = 0; i < 200; i++) rgba.set([...rgb.data.subarray(i * 3, i * 3 + 3), 255], i * 4);
  const a = resize(rgb, 7, 13, "bicubic");
  const b = toRgb(resize({ data: rgba, width: 20, height: 10, channels: 4 }, 7, 13, "bicubic"));
  assert.equal(b.data, a.data);
});

test("grey is copied, alpha is dropped, luma is Pillow's", () => {
  const grey: RawImage = { data: Uint8Array.of(3, 250), width: 2, height: 1, channels: 1 };
  assert.equal([...toRgb(grey).data], [3, 3, 3, 250, 250, 250]);
  const rgba: RawImage = {
    data: Uint8ClampedArray.of(1, 2, 3, 0, 200, 100, 50, 128),
    width: 2,
    height: 1,
    channels: 4,
  };
  assert.equal([...toRgb(rgba).data], [1, 2, 3, 200, 100, 50]);
  // Image.new("RGB", (2, 1)) with these pixels, .convert("L") in Pillow 9.4: 2, 124
  assert.equal([...toGrey(rgba).data], [2, 124]);
});

test("sizes and data that cannot be are refused", () => {
  const one = (width: number, height: number, length: number, channels = 3) =>
    ({ data: new Uint8Array(length), width, height, channels }) as RawImage;
  const refused = (image: RawImage, words: RegExp) =>
    assert.throws(
      () => checkImage(image, "x.png"),
      (e: Error) => e instanceof ResNetError && words.test(e.message),
    );
  refused(one(0, 5, 0), /x\.png: the picture is 0x5 pixels/);
  refused(one(40_000, 1, 120_000), new RegExp(`40000x1 pixels: a side may have at most ${MAX_SIDE}`));
  refused(one(30_000, 30_000, 0), /900000000 in all/);
  refused(one(1.5, 2, 9), /whole pixels/);
  refused(one(2, 2, 11), /11 values, expected 2x2x3 = 12/);
  refused(one(2, 2, 8, 2), /channels must be/);
  refused({ ...one(1, 1, 3), data: [1, 2, 3] as unknown as Uint8Array }, /Uint8Array/);
  assert.throws(() => resize(one(2, 2, 12), 0, 2, "bilinear"), /0x2/);
  assert.throws(() => resize(one(2, 2, 12), 3, 3, "bilinaer" as Interpolation), /did you mean|known/);
});

test.run();
