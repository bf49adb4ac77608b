import { ArgumentError } from "../errors.ts";
import { checkImage, type RawImage, sizeProblem } from "./image.ts";
import type { Region } from "./resize.ts";

/** Python's `round`: halves go to the even neighbour. Crop offsets depend on it. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** A part of an image. The region must lie inside. */
export function crop(image: RawImage, region: Region): RawImage {
  checkImage(image, "crop");
  const { data, channels } = image;
  const { left, top, width, height } = region;
  const inside = left >= 0 && top >= 0 && left + width <= image.width && top + height <= image.height;
  const problem = sizeProblem(width, height);
  if (!inside || problem !== undefined) {
    throw new ArgumentError(
      `crop: ${problem ?? `${width}x${height} at ${left},${top} is not inside ${image.width}x${image.height}`}`,
    );
  }
  if (width === image.width && height === image.height) return image;
  const out = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * channels;
    out.set(data.subarray(from, from + width * channels), y * width * channels);
  }
  return { data: out, width, height, channels };
}

/** Adds a border of a constant value (torchvision's `pad` with a number for all sides, or one each). */
export function pad(
  image: RawImage,
  border: { left: number; top: number; right: number; bottom: number },
  fill = 0,
): RawImage {
  checkImage(image, "pad");
  const { data, channels } = image;
  const { left, top, right, bottom } = border;
  const width = image.width + left + right;
  const height = image.height + top + bottom;
  const problem = Math.min(left, top, right, bottom) < 0 ? "a border cannot be negative" : sizeProblem(width, height);
  if (problem !== undefined) throw new ArgumentError(`pad: ${problem}`);
  const out = new Uint8Array(width * height * channels);
  if (fill !== 0) out.fill(fill);
  const row = image.width * channels;
  for (let y = 0; y < image.height; y++) {
    out.set(data.subarray(y * row, (y + 1) * row), ((top + y) * width + left) * channels);
  }
  return { data: out, width, height, channels };
}

/** Where torchvision's `center_crop` cuts, when the picture is at least as large as the crop. */
export function centerRegion(width: number, height: number, cropWidth: number, cropHeight: number): Region {
  return {
    left: roundHalfEven((width - cropWidth) / 2),
    top: roundHalfEven((height - cropHeight) / 2),
    width: cropWidth,
    height: cropHeight,
  };
}

/** torchvision's `center_crop`: a picture that is smaller gets a black border first. */
export function centerCrop(image: RawImage, width: number, height: number): RawImage {
  const more = { x: Math.max(0, width - image.width), y: Math.max(0, height - image.height) };
  const large =
    more.x === 0 && more.y === 0
      ? image
      : pad(image, {
          left: more.x >> 1,
          top: more.y >> 1,
          right: (more.x + 1) >> 1,
          bottom: (more.y + 1) >> 1,
        });
  return crop(large, centerRegion(large.width, large.height, width, height));
}
