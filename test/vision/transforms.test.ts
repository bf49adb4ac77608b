import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { centerCrop, crop, pad, roundHalfEven } from "../../src/vision/crop.ts";
import type { RawImage } from "../../src/vision/image.ts";
import {
  cifarClassification,
  greyClassification,
  imageClassification,
  kerasClassification,
  type Preprocessing,
  timmClassification,
} from "../../src/vision/presets.ts";
import { preprocess, resizeAndCrop, shortSideSize } from "../../src/vision/transforms.ts";
import { repoRoot } from "../support/shared.ts";
import { pixels, sha } from "./pixels.ts";

export interface TransformCase {
  image: string;
  preset: keyof typeof presets;
  size: [number, number];
  pixels: string;
  values: string;
  head: number[];
  seed?: number;
}

export const presets = {
  v1: imageClassification(),
  v2: imageClassification({ resizeSize: 232 }),
  timm288: timmClassification({ inputSize: 288, cropPct: 0.95 }),
  cifar: cifarClassification(),
  padded: imageClassification({ resizeSize: 50, cropSize: 65 }),
} satisfies Record<string, Preprocessing>;

interface Golden {
  torchvision: string;
  tables: Record<"torch" | "caffe" | "tf", string>;
  cases: TransformCase[];
}
const golden = JSON.parse(readFileSync(join(repoRoot, "test/golden/vision/transforms.json"), "utf8")) as Golden;

const test = suite("transforms");

const random = (seed: number, width: number, height: number): RawImage => ({
  data: pixels(seed, width * height * 3),
  width,
  height,
  channels: 3,
});

test(`equal torchvision ${golden.torchvision} on PIL images to the last bit`, () => {
  assert.ok(golden.cases.length >= 40);
  for (const c of golden.cases) {
    const image = random(c.seed!, ...c.size);
    const name = `${c.image} ${c.preset}`;
    assert.is(sha(resizeAndCrop(image, presets[c.preset]).data), c.pixels, name);
    const { data, shape } = preprocess(image, presets[c.preset], "planes");
    const plane = shape[2] * shape[3];
    assert.equal([data[0], data[plane], data[2 * plane]], c.head, name);
    assert.is(sha(data), c.values, name);
  }
});

test("each value of each channel equals torch's normalisation and Keras's three", () => {
  const ramp = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
  const image: RawImage = { data: ramp, width: 16, height: 16, channels: 3 };
  for (const mode of ["torch", "caffe", "tf"] as const) {
    const same = { ...kerasClassification(mode), resize: null, crop: null };
    assert.is(sha(preprocess(image, same).data), golden.tables[mode], mode);
  }
});

test("channels-last and planes hold the same numbers; a batch is its pictures one after another", () => {
  const p = imageClassification({ resizeSize: 10, cropSize: 8 });
  const images = [random(1, 20, 13), random(2, 9, 30)];
  const last = preprocess(images, p);
  const planes = preprocess(images, p, "planes");
  assert.equal(last.shape, [2, 3, 8, 8]);
  for (let n = 0; n < 2; n++) {
    for (let c = 0; c < 3; c++) {
      for (let i = 0; i < 64; i++) assert.is(last.data[n * 192 + i * 3 + c], planes.data[n * 192 + c * 64 + i]);
    }
  }
  assert.equal(last.data.slice(192), preprocess(images[1]!, p).data);
});

test("one channel", () => {
  const p = greyClassification();
  const white: RawImage = { data: new Uint8Array(28 * 28).fill(255), width: 28, height: 28, channels: 1 };
  const { data, shape } = preprocess([white], p);
  assert.equal(shape, [1, 1, 28, 28]);
  assert.is(data[5], Math.fround(Math.fround(1 - Math.fround(0.1307)) / Math.fround(0.3081)));
});

test("sizes and offsets are torchvision's", () => {
  // int(round((h - crop) / 2.0)) with Python's rounding
  assert.equal([0.5, 1.5, 2.5, 3.5, 2.4, 2.6, 0].map(roundHalfEven), [0, 2, 2, 4, 2, 3, 0]);
  assert.equal(shortSideSize(640, 427, 256), { width: 383, height: 256 });
  assert.equal(shortSideSize(427, 640, 256), { width: 256, height: 383 });
  assert.is(timmClassification({ cropPct: 0.95 }).resize, 235);
});

test("crop and pad", () => {
  const image: RawImage = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 3, height: 2, channels: 1 };
  assert.equal([...crop(image, { left: 1, top: 1, width: 2, height: 1 }).data], [5, 6]);
  assert.equal([...pad(image, { left: 1, top: 0, right: 0, bottom: 1 }, 9).data], [9, 1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9]);
  assert.equal(
    [...centerCrop(image, 4, 1).data],
    [0, 0, 0, 0].map((_, i) => [1, 2, 3, 0][i]),
  );
  assert.throws(() => crop(image, { left: 2, top: 0, width: 2, height: 1 }), /2x1 at 2,0 is not inside 3x2/);
});

test("what does not fit is said", () => {
  const p = imageClassification();
  assert.throws(() => preprocess([], p), /batch is empty/);
  assert.throws(() => preprocess([random(1, 4, 4), random(1, 5, 5)], { ...p, resize: null, crop: null }), /picture 1/);
  const bad = { ...p, normalize: { ...p.normalize, std: [1, 0, 1] } };
  assert.throws(() => preprocess(random(1, 4, 4), bad), /non-zero standard deviations/);
});

test.run();
