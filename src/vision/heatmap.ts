import { ArgumentError } from "../errors.ts";
import { type RawImage, type RgbImage, toRgb } from "./image.ts";
import type { Region } from "./resize.ts";

/** A number for each cell of a grid, rows top to bottom. */
export interface HeatMap {
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Class activation map (Zhou et al. 2016): the last feature maps, summed with the weights that the classifier gives them
 * for one class. For networks that end in a global average and one linear layer this is exact: the mean of the map plus
 * the bias is the class's logit.
 * @param maps the last feature maps of one picture, channels-last: height * width * weights.length values
 * @param weights the class's row of the classifier
 */
export function activationMap(maps: Float32Array, width: number, height: number, weights: ArrayLike<number>): HeatMap {
  const channels = weights.length;
  if (maps.length !== width * height * channels) {
    throw new ArgumentError(
      `activationMap: ${maps.length} values, expected ${height}x${width}x${channels} = ${width * height * channels}`,
    );
  }
  const data = new Float32Array(width * height);
  for (let i = 0; i < data.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += maps[i * channels + c]! * weights[c]!;
    data[i] = sum;
  }
  return { data, width, height };
}

/** Where each position of a side reads in a map: the cell, and the share of the next one. */
function positions(
  count: number,
  start: number,
  length: number,
  cells: number,
): { cell: Int32Array; share: Float64Array } {
  const cell = new Int32Array(count);
  const share = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const inside = i + 0.5 >= start && i + 0.5 <= start + length;
    const at = Math.max(0, ((i + 0.5 - start) / length) * cells - 0.5);
    cell[i] = inside ? Math.min(cells - 1, Math.floor(at)) : -1;
    share[i] = at - Math.floor(at);
  }
  return { cell, share };
}

/**
 * A map drawn out over a picture's pixels, bilinearly between the centers of its cells (torch's `interpolate` without
 * `align_corners`). What lies outside `region`, the part that the network saw, is 0.
 */
export function upsample(map: HeatMap, width: number, height: number, region?: Region): HeatMap {
  const { left, top, width: w, height: h } = region ?? { left: 0, top: 0, width, height };
  const xs = positions(width, left, w, map.width);
  const ys = positions(height, top, h, map.height);
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const y0 = ys.cell[y]!;
    if (y0 < 0) continue;
    const row0 = y0 * map.width;
    const row1 = Math.min(map.height - 1, y0 + 1) * map.width;
    const fy = ys.share[y]!;
    for (let x = 0; x < width; x++) {
      const x0 = xs.cell[x]!;
      if (x0 < 0) continue;
      const x1 = Math.min(map.width - 1, x0 + 1);
      const fx = xs.share[x]!;
      const above = map.data[row0 + x0]! * (1 - fx) + map.data[row0 + x1]! * fx;
      const below = map.data[row1 + x0]! * (1 - fx) + map.data[row1 + x1]! * fx;
      data[y * width + x] = above * (1 - fy) + below * fy;
    }
  }
  return { data, width, height };
}

/** Ten colours of matplotlib's "inferno" (CC0), cold to hot. */
const inferno = [
  [0, 0, 4],
  [27, 12, 65],
  [74, 12, 107],
  [120, 28, 109],
  [165, 44, 96],
  [207, 68, 70],
  [237, 105, 37],
  [251, 155, 6],
  [247, 209, 61],
  [252, 255, 164],
] as const;

/** The colour of a heat from 0 to 1; what lies beyond has the colour of the end. */
export function heatColor(heat: number): [red: number, green: number, blue: number] {
  const at = Math.max(0, Math.min(1, heat)) * (inferno.length - 1);
  const i = Math.min(inferno.length - 2, Math.floor(at));
  const mix = (c: 0 | 1 | 2) => Math.round(inferno[i]![c] * (1 - (at - i)) + inferno[i + 1]![c] * (at - i));
  return [mix(0), mix(1), mix(2)];
}

/**
 * A picture with a map of its size laid over it. What speaks against the class (below 0) leaves the picture as it is;
 * the hottest spot has its colour at `opacity`.
 */
export function overlay(image: RawImage, map: HeatMap, opacity = 0.7): RgbImage {
  const { width, height } = image;
  if (map.width !== width || map.height !== height) {
    throw new ArgumentError(`overlay: the map is ${map.width}x${map.height}, the picture ${width}x${height}`);
  }
  if (!(opacity >= 0 && opacity <= 1)) throw new ArgumentError(`overlay: opacity must be 0 to 1, not ${opacity}`);
  const { data } = toRgb(image);
  const hottest = map.data.reduce((max, v) => Math.max(max, v), 0);
  const out = new Uint8Array(data.length);
  const colors = Array.from({ length: 256 }, (_, i) => heatColor(i / 255));
  for (let i = 0; i < map.data.length; i++) {
    const heat = hottest > 0 ? Math.max(0, map.data[i]! / hottest) : 0;
    const color = colors[Math.round(heat * 255)]!;
    const share = opacity * heat;
    for (let c = 0; c < 3; c++) out[i * 3 + c] = Math.round(data[i * 3 + c]! * (1 - share) + color[c]! * share);
  }
  return { data: out, width, height, channels: 3 };
}
