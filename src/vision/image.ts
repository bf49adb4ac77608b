import { ArgumentError } from "../errors.ts";
import { isKind } from "../platform/kinds.ts";

/** Pixels: 8 bits a channel, rows top to bottom, channels interleaved. 1 channel is grey, 3 RGB, 4 RGBA (alpha not premultiplied). */
export interface RawImage {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}

/** What decoding, resizing and normalising work on. */
export interface RgbImage extends RawImage {
  readonly channels: 3;
}

/** The longest side that is taken. Headers promise up to 2^31 - 1; nobody has such a picture, and a buffer for it must not be tried. */
export const MAX_SIDE = 32_767;

/** The most pixels that are taken: twice Pillow's `MAX_IMAGE_PIXELS`, where Pillow refuses too. */
export const MAX_PIXELS = 178_956_970;

/** Why a picture of this size is not taken, or undefined when it is. */
export function sizeProblem(width: number, height: number): string | undefined {
  const size = `${width}x${height}`;
  if (!Number.isInteger(width) || !Number.isInteger(height)) return `the picture's size ${size} is not whole pixels`;
  if (width <= 0 || height <= 0) return `the picture is ${size} pixels: each side must have at least 1`;
  if (width > MAX_SIDE || height > MAX_SIDE) {
    return `the picture is ${size} pixels: a side may have at most ${MAX_SIDE}; make it smaller first`;
  }
  if (width * height > MAX_PIXELS) {
    return `the picture is ${size} pixels, ${width * height} in all: at most ${MAX_PIXELS} are taken; make it smaller first`;
  }
  return undefined;
}

/**
 * Checks that a raw image is one: 8-bit data of exactly `width * height * channels` values, 1, 3 or 4 channels, a size that can be used.
 * @param where what the message starts with, e.g. a file's name
 * @throws ArgumentError
 */
export function checkImage(image: RawImage, where = "image"): void {
  const { data, width, height, channels } = image ?? {};
  const problem = sizeProblem(width, height);
  if (problem !== undefined) throw new ArgumentError(`${where}: ${problem}`);
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new ArgumentError(`${where}: channels must be 1 (grey), 3 (RGB) or 4 (RGBA), not ${String(channels)}`);
  }
  if (!isKind(data, "Uint8Array", "Uint8ClampedArray")) {
    throw new ArgumentError(`${where}: data must be a Uint8Array or Uint8ClampedArray of values 0 to 255`);
  }
  const expected = width * height * channels;
  if (data.length !== expected) {
    const sum = `${width}x${height}x${channels} = ${expected}`;
    throw new ArgumentError(`${where}: data has ${data.length} values, expected ${sum}`);
  }
}

/**
 * RGB as Pillow's `convert("RGB")` makes it: grey is copied to the three channels; alpha is dropped, not blended.
 * The result shares its data with an image that is RGB already.
 */
export function toRgb(image: RawImage): RgbImage {
  checkImage(image);
  const { data, width, height, channels } = image;
  if (channels === 3) return { data, width, height, channels };
  const out = new Uint8Array(width * height * 3);
  const step = channels === 1 ? 0 : 1; // grey is read three times
  for (let i = 0, o = 0; i < data.length; i += channels, o += 3) {
    out[o] = data[i]!;
    out[o + 1] = data[i + step]!;
    out[o + 2] = data[i + 2 * step]!;
  }
  return { data: out, width, height, channels: 3 };
}

/** Grey as Pillow's `convert("L")`: ITU-R 601 luma in 16-bit fixed point, rounded. */
export function toGrey(image: RawImage): RawImage {
  checkImage(image);
  const { data, width, height, channels } = image;
  if (channels === 1) return image;
  const out = new Uint8Array(width * height);
  for (let i = 0, o = 0; o < out.length; i += channels, o++) {
    out[o] = (data[i]! * 19595 + data[i + 1]! * 38470 + data[i + 2]! * 7471 + 0x8000) >> 16;
  }
  return { data: out, width, height, channels: 1 };
}
