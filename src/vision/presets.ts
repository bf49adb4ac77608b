import { UnknownNameError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import type { Interpolation } from "./resize.ts";

/** From 8-bit values to numbers: `(value / divide - mean) / std`, every step rounded to f32, in the channels' order. */
export interface Normalization {
  readonly channels: "rgb" | "bgr" | "grey";
  readonly divide: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** All that lies between a picture and a network's input. Plain data, so that a registry of models can hold it and JSON can carry it. */
export interface Preprocessing {
  /** Length of the shorter side (the longer one follows), or exact [height, width], or null for none. Pixels. */
  readonly resize: number | readonly [height: number, width: number] | null;
  readonly interpolation: Interpolation;
  /** [height, width] cut from the middle, or null for none. */
  readonly crop: readonly [height: number, width: number] | null;
  readonly normalize: Normalization;
}

/** ImageNet's mean and standard deviation, as torchvision uses them. */
export const imagenetStatistics = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** Of each channel, of values from 0 to 1; ImageNet's where left out. */
export interface Statistics {
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/** torchvision's `ImageClassification` preset. `resizeSize` is 256 for its first weights and 232 for its second. */
export function imageClassification(
  options: { resizeSize?: number; cropSize?: number; interpolation?: Interpolation } & Statistics = {},
): Preprocessing {
  checkOptions("imageClassification", options);
  const { resizeSize = 256, cropSize = 224, interpolation = "bilinear" } = options;
  const { mean = imagenetStatistics.mean, std = imagenetStatistics.std } = options;
  return {
    resize: resizeSize,
    interpolation,
    crop: [cropSize, cropSize],
    normalize: { channels: "rgb", divide: 255, mean, std },
  };
}

/** timm's evaluation transform: the shorter side becomes `floor(inputSize / cropPct)`. */
export function timmClassification(
  options: { inputSize?: number; cropPct?: number; interpolation?: Interpolation } & Statistics = {},
): Preprocessing {
  checkOptions("timmClassification", options);
  const { inputSize = 224, cropPct = 0.875, interpolation = "bicubic", ...statistics } = options;
  return imageClassification({
    ...statistics,
    resizeSize: Math.floor(inputSize / cropPct),
    cropSize: inputSize,
    interpolation,
  });
}

/**
 * Keras's `preprocess_input` after a resize and a crop: `"caffe"` (BGR minus ImageNet's mean, not scaled), `"tf"`
 * (-1 to 1) or `"torch"`. Keras itself leaves the resize to the caller (its `load_img` squeezes the picture by nearest
 * neighbour); here it is the shorter side to 256 and the middle 224, which is how those weights were evaluated.
 */
export function kerasClassification(
  mode: "caffe" | "tf" | "torch",
  options: { resizeSize?: number; cropSize?: number; interpolation?: Interpolation } = {},
): Preprocessing {
  const base = imageClassification(options);
  const normalize: Record<typeof mode, Normalization> = {
    caffe: { channels: "bgr", divide: 1, mean: [103.939, 116.779, 123.68], std: [1, 1, 1] },
    tf: { channels: "rgb", divide: 127.5, mean: [1, 1, 1], std: [1, 1, 1] },
    torch: base.normalize,
  };
  if (!normalize[mode]) throw new UnknownNameError("mode", mode, Object.keys(normalize));
  return { ...base, normalize: normalize[mode] };
}

/** For networks that were trained on 32x32 pictures: those pass as they are, others get their shorter side to 32 and are cropped. */
export function cifarClassification(options: { size?: number } & Statistics = {}): Preprocessing {
  const { size = 32, ...statistics } = options;
  return imageClassification({ ...statistics, resizeSize: size, cropSize: size });
}

/** For MNIST's likes: one channel, `size` pixels square. */
export function greyClassification(options: { size?: number; mean?: number; std?: number } = {}): Preprocessing {
  const { size = 28, mean = 0.1307, std = 0.3081 } = options;
  return {
    ...imageClassification({ resizeSize: size, cropSize: size }),
    normalize: { channels: "grey", divide: 255, mean: [mean], std: [std] },
  };
}
