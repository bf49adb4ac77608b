import { ArgumentError, UnknownNameError } from "../errors.ts";
import { checkImage, type RawImage, sizeProblem } from "./image.ts";

/** A reconstruction filter: its weight at `x`, and the radius beyond which it is zero. */
interface Filter {
  readonly support: number;
  readonly weight: (x: number) => number;
}

/** Pillow's filters (Resample.c), in its order of operations. Only + - * / of doubles, so that every engine gives the same bits. */
const filters = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: {
    support: 1,
    weight: (x) => {
      const a = x < 0 ? -x : x;
      return a < 1 ? 1 - a : 0;
    },
  },
  bicubic: {
    support: 2,
    weight: (x) => {
      const k = -0.5;
      const a = x < 0 ? -x : x;
      if (a < 1) return ((k + 2) * a - (k + 3)) * a * a + 1;
      if (a < 2) return (((a - 5) * a + 8) * a - 4) * k;
      return 0;
    },
  },
} satisfies Record<string, Filter>;

/** Pillow's filters of the same names. */
export type Interpolation = "nearest" | keyof typeof filters;

export const interpolations: readonly Interpolation[] = ["nearest", "box", "bilinear", "bicubic"];

/** Weights are rounded to this many binary digits; 8 are the pixel's and 2 are room for what overshoots. */
const PRECISION = 32 - 8 - 2;

/** Positions `first` to `first + count - 1` of a side. */
interface Span {
  readonly first: number;
  readonly count: number;
}

/** For each of the output's positions: where its inputs start, how many there are, and their weights (`size` apart). */
interface Coefficients {
  readonly start: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly size: number;
}

function coefficients(inSize: number, outSize: number, filter: Filter, part: Span): Coefficients {
  const scale = inSize / outSize;
  // Making a picture smaller widens the filter: that is the antialiasing.
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  const size = Math.ceil(support) * 2 + 1;
  const start = new Int32Array(part.count);
  const count = new Int32Array(part.count);
  const weights = new Int32Array(part.count * size);
  const exact = new Float64Array(size);
  const inverse = 1 / filterScale;
  for (let out = 0; out < part.count; out++) {
    const center = (part.first + out + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const n = Math.min(inSize, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const w = filter.weight((i + first - center + 0.5) * inverse);
      exact[i] = w;
      sum += w;
    }
    for (let i = 0; i < n; i++) {
      const w = sum === 0 ? exact[i]! : exact[i]! / sum;
      weights[out * size + i] = Math.trunc((w < 0 ? -0.5 : 0.5) + w * (1 << PRECISION));
    }
    start[out] = first;
    count[out] = n;
  }
  return { start, count, weights, size };
}

type Pixels = Uint8Array | Uint8ClampedArray;

/** Some of the rows of the input, made as wide as there are coefficients. */
function horizontal(image: RawImage, coefficient: Coefficients, rows: Span): Uint8Array {
  const { data, width, channels } = image;
  const { start, count, weights, size } = coefficient;
  const outWidth = start.length;
  // A clamped array clips what overshoots, as Pillow's clip8 table does.
  const out = new Uint8ClampedArray(rows.count * outWidth * channels);
  for (let y = 0, o = 0; y < rows.count; y++) {
    const row = (rows.first + y) * width * channels;
    for (let x = 0; x < outWidth; x++) {
      const n = count[x]!;
      const k0 = x * size;
      let p = row + start[x]! * channels;
      if (channels === 3) {
        let r = 1 << (PRECISION - 1);
        let g = r;
        let b = r;
        for (let i = 0; i < n; i++, p += 3) {
          const k = weights[k0 + i]!;
          r = (r + data[p]! * k) | 0;
          g = (g + data[p + 1]! * k) | 0;
          b = (b + data[p + 2]! * k) | 0;
        }
        out[o++] = r >> PRECISION;
        out[o++] = g >> PRECISION;
        out[o++] = b >> PRECISION;
      } else {
        for (let c = 0; c < channels; c++) {
          let s = 1 << (PRECISION - 1);
          for (let i = 0; i < n; i++) s = (s + data[p + c + i * channels]! * weights[k0 + i]!) | 0;
          out[o++] = s >> PRECISION;
        }
      }
    }
  }
  return new Uint8Array(out.buffer);
}

/** `stride` values make a row; columns and channels are alike here. Rows are added one after another, so memory is read in order. */
function vertical(data: Pixels, stride: number, coefficient: Coefficients, firstRow: number): Uint8Array {
  const { start, count, weights, size } = coefficient;
  const outHeight = start.length;
  const out = new Uint8ClampedArray(outHeight * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < outHeight; y++) {
    sums.fill(1 << (PRECISION - 1));
    for (let i = 0; i < count[y]!; i++) {
      const k = weights[y * size + i]!;
      const row = (start[y]! - firstRow + i) * stride;
      for (let x = 0; x < stride; x++) sums[x] = sums[x]! + data[row + x]! * k;
    }
    const o = y * stride;
    for (let x = 0; x < stride; x++) out[o + x] = sums[x]! >> PRECISION;
  }
  return new Uint8Array(out.buffer);
}

/** Where in the input each output position of the part reads, for Pillow's nearest: advanced by addition, as there, so that the rounding is the same. */
function nearestPositions(inSize: number, outSize: number, part: Span): Int32Array {
  const step = inSize / outSize;
  const out = new Int32Array(part.count);
  let at = step * 0.5;
  for (let i = 0; i < part.first; i++) at += step;
  for (let i = 0; i < part.count; i++) {
    out[i] = Math.min(inSize - 1, Math.trunc(at));
    at += step;
  }
  return out;
}

/** The pixels at every pair of the positions. */
function pick(image: RawImage, xs: Int32Array, ys: Int32Array): Uint8Array {
  const { data, channels } = image;
  const out = new Uint8Array(xs.length * ys.length * channels);
  let o = 0;
  for (const y of ys) {
    for (const x of xs) {
      const p = (y * image.width + x) * channels;
      for (let c = 0; c < channels; c++) out[o++] = data[p + c]!;
    }
  }
  return out;
}

/** A part of a picture, in pixels. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Makes an image `width` by `height`, equal to the last bit to Pillow's `Image.resize((width, height), resample)` of a
 * grey or RGB image: antialiased, weights in 22-bit fixed point, columns first, 8 bits between the passes
 * (Pillow's src/libImaging/Resample.c). The channels are treated alike; alpha is not premultiplied.
 * @param region the part of the result that is wanted; only it is made, with the same bits
 * @throws ArgumentError for a size that cannot be used, UnknownNameError for an unknown interpolation
 */
export function resize(
  image: RawImage,
  width: number,
  height: number,
  interpolation: Interpolation,
  region: Region = { left: 0, top: 0, width, height },
): RawImage {
  checkImage(image, "resize");
  const problem = sizeProblem(region.width, region.height);
  if (problem !== undefined) throw new ArgumentError(`resize: ${problem}`);
  if (!interpolations.includes(interpolation)) {
    throw new UnknownNameError("interpolation", interpolation, interpolations);
  }
  const columns = { first: region.left, count: region.width };
  const rows = { first: region.top, count: region.height };
  if (!fits(columns, width) || !fits(rows, height)) {
    throw new ArgumentError(
      `resize: the region ${region.width}x${region.height} at ${region.left},${region.top} is not inside ${width}x${height}`,
    );
  }
  const result = { width: region.width, height: region.height, channels: image.channels };
  const isWhole = columns.count === width && rows.count === height;
  if (isWhole && width === image.width && height === image.height) return image;
  if (interpolation === "nearest") {
    const xs = nearestPositions(image.width, width, columns);
    return { ...result, data: pick(image, xs, nearestPositions(image.height, height, rows)) };
  }
  const filter: Filter = filters[interpolation];
  const down = coefficients(image.height, height, filter, rows);
  // Only the rows that the second pass reads are worth making.
  const first = down.start[0]!;
  const end = down.start[rows.count - 1]! + down.count[rows.count - 1]!;
  // A side that keeps its size has weights of exactly 1, so its pass changes nothing: Pillow leaves it out, and so may we.
  const across = coefficients(image.width, width, filter, columns);
  const wide = horizontal(image, across, { first, count: end - first });
  return { ...result, data: vertical(wide, region.width * image.channels, down, first) };
}

const fits = (part: Span, size: number): boolean =>
  Number.isInteger(part.first) && Number.isInteger(size) && part.first >= 0 && part.first + part.count <= size;
