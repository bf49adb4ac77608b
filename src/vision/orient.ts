import type { Orientation } from "./exif.ts";
import type { RawImage } from "./image.ts";

/**
 * For each orientation: is x swapped with y, then is the source read from its right, from its bottom. These are the
 * pictures of Pillow's `ImageOps.exif_transpose`.
 */
const moves: Record<Orientation, readonly [swap: boolean, fromRight: boolean, fromBottom: boolean]> = {
  1: [false, false, false],
  2: [false, true, false],
  3: [false, true, true],
  4: [false, false, true],
  5: [true, false, false],
  6: [true, false, true],
  7: [true, true, true],
  8: [true, true, false],
};

/** Turns and mirrors a picture so that it is upright. */
export function orient(image: RawImage, orientation: Orientation): RawImage {
  const [swap, fromRight, fromBottom] = moves[orientation];
  if (orientation === 1) return image;
  const { data, width, height, channels } = image;
  const stepX = fromRight ? -channels : channels;
  const stepY = (fromBottom ? -width : width) * channels;
  const start = ((fromBottom ? height - 1 : 0) * width + (fromRight ? width - 1 : 0)) * channels;
  const [outWidth, outHeight] = swap ? [height, width] : [width, height];
  const [alongX, alongY] = swap ? [stepY, stepX] : [stepX, stepY];
  const out = new Uint8Array(data.length);
  let o = 0;
  for (let y = 0; y < outHeight; y++) {
    let p = start + y * alongY;
    for (let x = 0; x < outWidth; x++, p += alongX) {
      for (let c = 0; c < channels; c++) out[o++] = data[p + c]!;
    }
  }
  return { data: out, width: outWidth, height: outHeight, channels };
}
