import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeImage } from "../../src/vision/decode.ts";
import { encodePng } from "../../src/vision/encodePng.ts";
import { activationMap, heatColor, overlay, upsample } from "../../src/vision/heatmap.ts";
import type { RawImage } from "../../src/vision/image.ts";
import { imageClassification } from "../../src/vision/presets.ts";
import { seenRegion } from "../../src/vision/transforms.ts";
import { pixels } from "./pixels.ts";

const test = suite("heat maps");

test("the mean of a class activation map is the logit without its bias", () => {
  const maps = Float32Array.from({ length: 2 * 3 * 4 }, (_, i) => ((i * 37) % 11) - 4);
  const weights = [0.5, -1, 2, 0.25];
  const map = activationMap(maps, 3, 2, weights);
  let logit = 0;
  for (let c = 0; c < 4; c++) {
    let mean = 0;
    for (let p = 0; p < 6; p++) mean += maps[p * 4 + c]! / 6;
    logit += mean * weights[c]!;
  }
  assert.ok(Math.abs(map.data.reduce((a, b) => a + b, 0) / 6 - logit) < 1e-6);
  assert.throws(() => activationMap(maps, 3, 3, weights), /24 values, expected 3x3x4 = 36/);
});

test("upsampling equals torch's interpolate (bilinear, align_corners=False)", () => {
  const map = { data: Float32Array.of(1, -2, 4, 0.5, 8, 3), width: 3, height: 2 };
  const expected = [
    1.0, 0.571429, -0.714286, -2.0, 0.571429, 3.142857, 4.0, 0.95, 0.671429, -0.164286, -1.0, 1.1, 3.2, 3.9, 0.75,
    1.071429, 2.035714, 3.0, 3.214286, 3.428571, 3.5, 0.55, 1.471429, 4.235714, 7.0, 5.328571, 3.657143, 3.1, 0.5,
    1.571429, 4.785715, 8.0, 5.857142, 3.714286, 3.0,
  ];
  const { data } = upsample(map, 7, 5);
  for (const [i, v] of expected.entries()) assert.ok(Math.abs(data[i]! - v) < 2e-6, `${i}: ${data[i]} is not ${v}`);
});

test("outside of what the network saw there is no heat", () => {
  const p = imageClassification({ resizeSize: 8, cropSize: 8 });
  const region = seenRegion({ width: 32, height: 16 }, p);
  assert.equal(region, { left: 8, top: 0, width: 16, height: 16 });
  const map = upsample({ data: Float32Array.of(3), width: 1, height: 1 }, 32, 16, region);
  const row = [...map.data.subarray(0, 32)];
  assert.equal(row, [...Array(8).fill(0), ...Array(16).fill(3), ...Array(8).fill(0)]);
  // Where the crop pads, the region reaches over the picture.
  const padded = seenRegion({ width: 4, height: 4 }, { ...p, resize: null });
  assert.equal(padded, { left: -2, top: -2, width: 8, height: 8 });
});

test("the overlay keeps the picture where it is cold and colours it where it is hot", () => {
  const image: RawImage = { data: new Uint8Array(9).fill(100), width: 3, height: 1, channels: 3 };
  const out = overlay(image, { data: Float32Array.of(-5, 0, 2), width: 3, height: 1 }, 1);
  assert.equal([...out.data], [100, 100, 100, 100, 100, 100, ...heatColor(1)]);
  const cold = overlay(image, { data: new Float32Array(3), width: 3, height: 1 });
  assert.equal([...cold.data], [...image.data]);
  assert.equal(
    [heatColor(-1), heatColor(2), heatColor(5 / 9)],
    [
      [0, 0, 4],
      [252, 255, 164],
      [207, 68, 70],
    ],
  );
  assert.throws(() => overlay(image, { data: new Float32Array(4), width: 4, height: 1 }), /map is 4x1/);
});

test("what is written as PNG is read back", async () => {
  for (const channels of [1, 3] as const) {
    const image: RawImage = { data: pixels(3, 17 * 9 * channels), width: 17, height: 9, channels };
    assert.equal(await decodeImage(await encodePng(image)), image);
  }
  const rgba: RawImage = { data: pixels(4, 5 * 5 * 4), width: 5, height: 5, channels: 4 };
  const back = await decodeImage(await encodePng(rgba));
  assert.equal([...back.data.subarray(0, 3)], [...rgba.data.subarray(0, 3)]);
});

test.run();
