import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { toRgb } from "../../src/vision/image.ts";
import {
  cifarClassification,
  imageClassification,
  type Preprocessing,
  timmClassification,
} from "../../src/vision/presets.ts";
import { toImage } from "../../src/vision/toImage.ts";
import { preprocess, resizeAndCrop } from "../../src/vision/transforms.ts";
import { repoRoot, sharedPath } from "../support/shared.ts";
import { sha } from "./pixels.ts";
import { readZipMember } from "./zip.ts";

interface Photo {
  image: string;
  decoded: string;
  cases: { preset: string; pixels: string; values: string }[];
}
const golden = JSON.parse(readFileSync(join(repoRoot, "test/golden/vision/transforms.json"), "utf8")) as {
  photos: Photo[];
};
const presets: Record<string, Preprocessing> = {
  v1: imageClassification(),
  v2: imageClassification({ resizeSize: 232 }),
  timm288: timmClassification({ inputSize: 288, cropPct: 0.95 }),
  cifar: cifarClassification(),
  padded: imageClassification({ resizeSize: 50, cropSize: 65 }),
};

const test = suite("photos");
const archive = sharedPath("data/cifar10-jpeg.zip");

/** Debian's python3-skimage and python3-sklearn bring photographs; RESNET_TS_PHOTOS is where they were unpacked, if elsewhere. */
const packages = process.env.RESNET_TS_PHOTOS ?? "/usr/lib/python3/dist-packages";
const absent: string[] = [];

/** A photograph that lies in a file by itself, or the archive that it is in; undefined where it is not on this machine. */
function find(image: string): { path: string; isFile: boolean } | undefined {
  if (image.startsWith("photos/")) {
    const path = sharedPath(image);
    return path === undefined ? undefined : { path, isFile: true };
  }
  if (!image.startsWith("sk")) return archive === undefined ? undefined : { path: archive, isFile: false };
  const path = join(packages, image);
  if (existsSync(path)) return { path, isFile: true };
  absent.push(image);
  return undefined;
}

for (const photo of golden.photos) {
  const found = find(photo.image);
  if (found === undefined) continue;
  const { path, isFile } = found;
  test(`${photo.image}: decoded, resized, cropped and normalised to the bits of Pillow and torchvision`, async () => {
    const image = await toImage(isFile ? path : readZipMember(path, photo.image));
    assert.is(sha(toRgb(image).data), photo.decoded);
    assert.is(photo.cases.length, Object.keys(presets).length);
    for (const { preset, pixels, values } of photo.cases) {
      const preprocessing = presets[preset]!;
      assert.is(sha(resizeAndCrop(image, preprocessing).data), pixels, preset);
      assert.is(sha(preprocess(image, preprocessing, "planes").data), values, preset);
    }
  });
}

if (absent.length > 0) {
  console.log(
    `${absent.length} photographs of python3-skimage and python3-sklearn are not in ${packages}: they are not looked at`,
  );
}
test.run();
