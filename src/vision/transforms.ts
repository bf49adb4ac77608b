import { ArgumentError } from "../errors.ts";
import { need } from "../options.ts";
import { centerCrop, centerRegion, roundHalfEven } from "./crop.ts";
import { checkImage, type RawImage, toGrey, toRgb } from "./image.ts";
import type { Normalization, Preprocessing } from "./presets.ts";
import { type Region, resize } from "./resize.ts";

/** torchvision's size for `Resize(n)`: the shorter side becomes n, the longer one is cut to whole pixels. */
export function shortSideSize(width: number, height: number, n: number): { width: number; height: number } {
  return width <= height
    ? { width: n, height: Math.trunc((n * height) / width) }
    : { width: Math.trunc((n * width) / height), height: n };
}

/** The size of a picture after the resize and before the crop. */
function resizedSize(width: number, height: number, target: Preprocessing["resize"]) {
  if (target === null) return { width, height };
  return typeof target === "number" ? shortSideSize(width, height, target) : { width: target[1], height: target[0] };
}

/** The 8-bit part: channels, resize, crop. Only the pixels that the crop keeps are made. */
export function resizeAndCrop(image: RawImage, preprocessing: Preprocessing): RawImage {
  checkImage(image);
  const { interpolation, crop } = preprocessing;
  const picture = preprocessing.normalize.channels === "grey" ? toGrey(image) : toRgb(image);
  const { width, height } = resizedSize(picture.width, picture.height, preprocessing.resize);
  if (crop === null) return resize(picture, width, height, interpolation);
  const [cropHeight, cropWidth] = crop;
  const seen = centerRegion(width, height, Math.min(width, cropWidth), Math.min(height, cropHeight));
  return centerCrop(resize(picture, width, height, interpolation, seen), cropWidth, cropHeight);
}

/** The part of a picture that a network sees, in the picture's own pixels (not whole ones); outside it where the crop pads. */
export function seenRegion(size: { width: number; height: number }, preprocessing: Preprocessing): Region {
  const resized = resizedSize(size.width, size.height, preprocessing.resize);
  const [cropHeight, cropWidth] = preprocessing.crop ?? [resized.height, resized.width];
  // The smaller of the two lies in the middle of the larger.
  const offset = (n: number, crop: number) => (crop > n ? -((crop - n) >> 1) : roundHalfEven((n - crop) / 2));
  const x = size.width / resized.width;
  const y = size.height / resized.height;
  return {
    left: offset(resized.width, cropWidth) * x,
    top: offset(resized.height, cropHeight) * y,
    width: cropWidth * x,
    height: cropHeight * y,
  };
}

/** One table of 256 numbers for each channel of the result: all that normalisation can give. */
export function normalizationTables(normalize: Normalization): Float32Array[] {
  need(
    normalize?.mean && normalize.std,
    "preprocessing",
    "a normalization: imageClassification().normalize",
    normalize,
  );
  const { channels, divide, mean, std } = normalize;
  const n = channels === "grey" ? 1 : 3;
  if (mean.length !== n || std.length !== n || std.includes(0)) {
    throw new ArgumentError(
      `preprocessing: ${channels} needs ${n} means and ${n} non-zero standard deviations, not [${mean}] and [${std}]`,
    );
  }
  const f = Math.fround;
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, v) => f(f(f(v / divide) - f(m)) / f(std[c]!))));
}

/** Where a value goes: channels-last (how a 4-D tensor keeps its bytes) or planes, one channel after another. */
export type Layout = "channels-last" | "planes";

/**
 * A batch of pictures as a network's input, in f32 and equal to the last bit to torchvision's transforms on PIL images.
 * All must come out the same size (they do when `preprocessing` crops).
 * @returns `shape` is [N, C, H, W]; `data` holds its bytes in `layout` order, channels-last unless said otherwise
 */
export function preprocess(
  images: RawImage | readonly RawImage[],
  preprocessing: Preprocessing,
  layout: Layout = "channels-last",
): { data: Float32Array; shape: [n: number, c: number, h: number, w: number] } {
  const list = Array.isArray(images) ? (images as readonly RawImage[]) : [images as RawImage];
  const first = list[0];
  if (first === undefined) throw new ArgumentError("preprocess: the batch is empty");
  const lookup = normalizationTables(preprocessing?.normalize);
  const channels = lookup.length;
  const small = resizeAndCrop(first, preprocessing);
  const { width, height } = small;
  const size = width * height * channels;
  const data = new Float32Array(list.length * size);
  const isBgr = preprocessing.normalize.channels === "bgr";
  for (const [i, image] of list.entries()) {
    const pixels = i === 0 ? small : resizeAndCrop(image, preprocessing);
    if (pixels.width !== width || pixels.height !== height) {
      throw new ArgumentError(
        `preprocess: picture ${i} of the batch comes out ${pixels.width}x${pixels.height}, the first ${width}x${height}`,
      );
    }
    for (let c = 0; c < channels; c++) {
      const table = lookup[c]!;
      const step = layout === "planes" ? 1 : channels;
      let o = i * size + (layout === "planes" ? c * width * height : c);
      for (let p = isBgr ? 2 - c : c; p < pixels.data.length; p += channels, o += step)
        data[o] = table[pixels.data[p]!]!;
    }
  }
  return { data, shape: [list.length, channels, height, width] };
}
