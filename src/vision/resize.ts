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

export type Interpolation = "nearest" | keyof typeof filters;

export const interpolations: readonly Interpolation[] = ["nearest", "box", "bilinear", "bicubic"];

/** Weights are rounded to this many binary digits; 8 are the pixel's and 2 are room for what overshoots. */
const PRECISION = 32 - 8 - 2;

/** For each of the output's positions: where its inputs start, how many there are, and their weights (`size` apart). */
interface Coefficients {
  readonly start: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly size: number;
}

function coefficients(inSize: number, outSize: number, filter: Filter): Coefficients {
  const scale = inSize / outSize;
  // Making a picture smaller widens the filter: that is the antialiasing.
  const filterScale = scale < 1 ? 1 : scale;
  const support = filter.support * filterScale;
  const size = Math.ceil(support) * 2 + 1;
  const start = new Int32Array(outSize);
  const count = new Int32Array(outSize);
  const weights = new Int32Array(outSize * size);
  const exact = new Float64Array(size);
  const inverse = 1 / filterScale;
  for (let out = 0; out < outSize; out++) {
    const center = (out + 0.5) * scale;
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

const clip8 = (fixed: number): number => {
  const v = fixed >> PRECISION;
  return v < 0 ? 0 : v > 255 ? 255 : v;
};

type Pixels = Uint8Array | Uint8ClampedArray;

/** Rows `firstRow` to `firstRow + rows - 1` of the input, made `outWidth` wide. */
function horizontal(data: Pixels, width: number, channels: number, outWidth: number, filter: Filter, rows: Rows) {
  const { start, count, weights, size } = coefficients(width, outWidth, filter);
  const out = new Uint8Array(rows.count * outWidth * channels);
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
        out[o++] = clip8(r);
        out[o++] = clip8(g);
        out[o++] = clip8(b);
      } else {
        for (let c = 0; c < channels; c++) {
          let s = 1 << (PRECISION - 1);
          for (let i = 0; i < n; i++) s = (s + data[p + c + i * channels]! * weights[k0 + i]!) | 0;
          out[o++] = clip8(s);
        }
      }
    }
  }
  return out;
}

/** `stride` values make a row; columns and channels are alike here. Rows are added one after another, so memory is read in order. */
function vertical(data: Pixels, stride: number, coefficient: Coefficients, outHeight: number, firstRow: number) {
  const { start, count, weights, size } = coefficient;
  const out = new Uint8Array(outHeight * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < outHeight; y++) {
    sums.fill(1 << (PRECISION - 1));
    for (let i = 0; i < count[y]!; i++) {
      const k = weights[y * size + i]!;
      const row = (start[y]! - firstRow + i) * stride;
      for (let x = 0; x < stride; x++) sums[x] = sums[x]! + data[row + x]! * k;
    }
    const o = y * stride;
    for (let x = 0; x < stride; x++) out[o + x] = clip8(sums[x]!);
  }
  return out;
}

interface Rows {
  readonly first: number;
  readonly count: number;
}

/** Pillow's nearest: the position is advanced by addition, as there, so that its rounding is the same. */
function nearestPositions(inSize: number, outSize: number): Int32Array {
  const step = inSize / outSize;
  const out = new Int32Array(outSize);
  let at = step * 0.5;
  for (let i = 0; i < outSize; i++) {
    out[i] = Math.min(inSize - 1, Math.trunc(at));
    at += step;
  }
  return out;
}

function resizeNearest(image: RawImage, width: number, height: number): Uint8Array {
  const { data, channels } = image;
  const xs = nearestPositions(image.width, width);
  const ys = nearestPositions(image.height, height);
  const out = new Uint8Array(width * height * channels);
  let o = 0;
  for (let y = 0; y < height; y++) {
    const row = ys[y]! * image.width;
    for (let x = 0; x < width; x++) {
      const p = (row + xs[x]!) * channels;
      for (let c = 0; c < channels; c++) out[o++] = data[p + c]!;
    }
  }
  return out;
}

/**
 * Makes an image `width` by `height`, equal to the last bit to Pillow's `Image.resize((width, height), resample)` of a
 * grey or RGB image: antialiased, weights in 22-bit fixed point, columns first, 8 bits between the passes
 * (Pillow's src/libImaging/Resample.c). The channels are treated alike; alpha is not premultiplied.
 * @throws ArgumentError for a size that cannot be used, UnknownNameError for an unknown interpolation
 */
export function resize(image: RawImage, width: number, height: number, interpolation: Interpolation): RawImage {
  checkImage(image, "resize");
  const problem = sizeProblem(width, height);
  if (problem !== undefined) throw new ArgumentError(`resize: ${problem}`);
  if (!interpolations.includes(interpolation)) {
    throw new UnknownNameError("interpolation", interpolation, interpolations);
  }
  const { channels } = image;
  if (width === image.width && height === image.height) return image;
  if (interpolation === "nearest") return { data: resizeNearest(image, width, height), width, height, channels };
  const filter: Filter = filters[interpolation];
  const rows = coefficients(image.height, height, filter);
  // Only the rows that the second pass reads are worth making.
  const first = height === image.height ? 0 : rows.start[0]!;
  const end = height === image.height ? height : rows.start[height - 1]! + rows.count[height - 1]!;
  let data: Pixels = image.data;
  let firstRow = 0;
  if (width !== image.width) {
    data = horizontal(data, image.width, channels, width, filter, { first, count: end - first });
    firstRow = first;
  }
  if (height !== image.height) data = vertical(data, width * channels, rows, height, firstRow);
  return { data, width, height, channels };
}
