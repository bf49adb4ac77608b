// Batch norm with the batch's own statistics. Sums run over fixed chunks of rows in f32 and over chunks in f64,
// so they do not depend on the number of threads. Scratch matrices are [chunks][2][c]. Gradients: batchNormGrad.ts.
import {
  CHANNEL_SUMS_C, CHANNEL_SUMS_PARTIAL, CHANNEL_SUMS_ROWS, CHANNEL_SUMS_ROWS_PER_TILE, CHANNEL_SUMS_SQUARES, CHANNEL_SUMS_X, NORM_APPLY_C,
  NORM_APPLY_RELU, NORM_APPLY_RESIDUAL, NORM_APPLY_ROWS, NORM_APPLY_ROWS_PER_TILE, NORM_APPLY_SCALE, NORM_APPLY_X, NORM_APPLY_Y,
  NORM_COEFFICIENTS_BIAS, NORM_COEFFICIENTS_C, NORM_COEFFICIENTS_EPS, NORM_COEFFICIENTS_FROZEN, NORM_COEFFICIENTS_INVSTD,
  NORM_COEFFICIENTS_MEAN, NORM_COEFFICIENTS_SCALE, NORM_COEFFICIENTS_WEIGHT, NORM_COMBINE_BIAS, NORM_COMBINE_C, NORM_COMBINE_EPS,
  NORM_COMBINE_INVSTD, NORM_COMBINE_MEAN, NORM_COMBINE_MOMENTUM, NORM_COMBINE_PARTIAL, NORM_COMBINE_ROWS, NORM_COMBINE_ROWS_PER_TILE,
  NORM_COMBINE_RUNNING_MEAN, NORM_COMBINE_RUNNING_VARIANCE, NORM_COMBINE_SCALE, NORM_COMBINE_WEIGHT, NORM_STATS_C, NORM_STATS_PARTIAL,
  NORM_STATS_ROWS, NORM_STATS_ROWS_PER_TILE, NORM_STATS_X,
} from "./generated/records";
import { loadLanes, storeLanes } from "./simd";

export const CHANNELS_PER_TILE: i32 = 16;

export function channelSums(r: usize, tile: i32): void {
  const c = load<i32>(r, CHANNEL_SUMS_C), perTile = load<i32>(r, CHANNEL_SUMS_ROWS_PER_TILE), squares = load<i32>(r, CHANNEL_SUMS_SQUARES);
  const first = tile * perTile, rows = min(perTile, load<i32>(r, CHANNEL_SUMS_ROWS) - first), step = <usize>c << 2;
  const x = load<usize>(r, CHANNEL_SUMS_X) + <usize>first * step, out = load<usize>(r, CHANNEL_SUMS_PARTIAL) + <usize>tile * step;
  for (let ch = 0; ch < c; ch += 4) {
    const lanes = min(4, c - ch);
    let sum = f32x4.splat(0), at = x + (<usize>ch << 2);
    for (let i = 0; i < rows; i++, at += step) {
      const v = loadLanes(at, lanes);
      sum = f32x4.add(sum, squares ? f32x4.mul(v, v) : v);
    }
    storeLanes(out + (<usize>ch << 2), sum, lanes);
  }
}

/** The chunk is read twice, the second time from the cache: its own mean keeps the squares from cancelling. */
export function normStats(r: usize, tile: i32): void {
  const c = load<i32>(r, NORM_STATS_C), perTile = load<i32>(r, NORM_STATS_ROWS_PER_TILE);
  const first = tile * perTile, rows = min(perTile, load<i32>(r, NORM_STATS_ROWS) - first), step = <usize>c << 2;
  const x = load<usize>(r, NORM_STATS_X) + <usize>first * step, out = load<usize>(r, NORM_STATS_PARTIAL) + <usize>tile * step * 2;
  const scale = f32x4.splat(<f32>1 / <f32>rows);
  let ch = 0;
  for (; ch + 16 <= c; ch += 16) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, at = x + (<usize>ch << 2);
    for (let i = 0; i < rows; i++, at += step) {
      s0 = f32x4.add(s0, v128.load(at));
      s1 = f32x4.add(s1, v128.load(at, 16));
      s2 = f32x4.add(s2, v128.load(at, 32));
      s3 = f32x4.add(s3, v128.load(at, 48));
    }
    const m0 = f32x4.mul(s0, scale), m1 = f32x4.mul(s1, scale), m2 = f32x4.mul(s2, scale), m3 = f32x4.mul(s3, scale);
    let q0 = f32x4.splat(0), q1 = q0, q2 = q0, q3 = q0;
    at = x + (<usize>ch << 2);
    for (let i = 0; i < rows; i++, at += step) {
      const d0 = f32x4.sub(v128.load(at), m0), d1 = f32x4.sub(v128.load(at, 16), m1);
      const d2 = f32x4.sub(v128.load(at, 32), m2), d3 = f32x4.sub(v128.load(at, 48), m3);
      q0 = f32x4.add(q0, f32x4.mul(d0, d0));
      q1 = f32x4.add(q1, f32x4.mul(d1, d1));
      q2 = f32x4.add(q2, f32x4.mul(d2, d2));
      q3 = f32x4.add(q3, f32x4.mul(d3, d3));
    }
    const to = out + (<usize>ch << 2), squares = to + step;
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
    v128.store(squares, q0);
    v128.store(squares, q1, 16);
    v128.store(squares, q2, 32);
    v128.store(squares, q3, 48);
  }
  for (; ch < c; ch += 4) {
    const lanes = min(4, c - ch);
    let s = f32x4.splat(0), q = s, at = x + (<usize>ch << 2);
    for (let i = 0; i < rows; i++, at += step) s = f32x4.add(s, loadLanes(at, lanes));
    const mean = f32x4.mul(s, scale);
    at = x + (<usize>ch << 2);
    for (let i = 0; i < rows; i++, at += step) {
      const d = f32x4.sub(loadLanes(at, lanes), mean);
      q = f32x4.add(q, f32x4.mul(d, d));
    }
    storeLanes(out + (<usize>ch << 2), s, lanes);
    storeLanes(out + (<usize>ch << 2) + step, q, lanes);
  }
}

/** Scale and shift of y = x · scale + shift from the rounded statistics: forward and backward must agree to the last bit. */
// @ts-expect-error: decorator
@inline
function coefficients(at: usize, weight: usize, bias: usize, mean: f64, invstd: f64, scale: usize, step: usize): void {
  const s = (weight ? <f64>f32.load(weight + at) : 1) * invstd;
  f32.store(scale + at, <f32>s);
  f32.store(scale + at + step, <f32>((bias ? <f64>f32.load(bias + at) : 0) - mean * s));
}

/** Chan's formula over the chunks; running statistics take the unbiased variance, as PyTorch's. */
export function normCombine(r: usize, tile: i32): void {
  const c = load<i32>(r, NORM_COMBINE_C), rows = load<i32>(r, NORM_COMBINE_ROWS), perTile = load<i32>(r, NORM_COMBINE_ROWS_PER_TILE);
  const eps = <f64>f32.load(r, NORM_COMBINE_EPS), momentum = <f64>f32.load(r, NORM_COMBINE_MOMENTUM);
  const partial = load<usize>(r, NORM_COMBINE_PARTIAL), step = <usize>c << 2;
  const runningMean = load<usize>(r, NORM_COMBINE_RUNNING_MEAN), runningVariance = load<usize>(r, NORM_COMBINE_RUNNING_VARIANCE);
  const first = tile * CHANNELS_PER_TILE, last = min(c, first + CHANNELS_PER_TILE);
  for (let ch = first; ch < last; ch++) {
    const at = <usize>ch << 2;
    let sum: f64 = 0, m2: f64 = 0, from = partial + at;
    for (let row = 0; row < rows; row += perTile, from += 2 * step) sum += <f64>f32.load(from);
    const mean = sum / <f64>rows;
    from = partial + at;
    for (let row = 0; row < rows; row += perTile, from += 2 * step) {
      const count = <f64>min(perTile, rows - row), off = <f64>f32.load(from) / count - mean;
      m2 += <f64>f32.load(from + step) + count * off * off;
    }
    const mean32 = <f32>mean, invstd32 = <f32>(1 / Math.sqrt(m2 / <f64>rows + eps));
    f32.store(load<usize>(r, NORM_COMBINE_MEAN) + at, mean32);
    f32.store(load<usize>(r, NORM_COMBINE_INVSTD) + at, invstd32);
    if (runningMean) f32.store(runningMean + at, <f32>((1 - momentum) * <f64>f32.load(runningMean + at) + momentum * mean));
    if (runningVariance) {
      const unbiased = m2 / <f64>(rows - 1);
      f32.store(runningVariance + at, <f32>((1 - momentum) * <f64>f32.load(runningVariance + at) + momentum * unbiased));
    }
    coefficients(
      at, load<usize>(r, NORM_COMBINE_WEIGHT), load<usize>(r, NORM_COMBINE_BIAS), <f64>mean32, <f64>invstd32,
      load<usize>(r, NORM_COMBINE_SCALE), step,
    );
  }
}

export function normCoefficients(r: usize, _tile: i32): void {
  const c = load<i32>(r, NORM_COEFFICIENTS_C), step = <usize>c << 2, scale = load<usize>(r, NORM_COEFFICIENTS_SCALE);
  const frozen = load<i32>(r, NORM_COEFFICIENTS_FROZEN), eps = <f64>f32.load(r, NORM_COEFFICIENTS_EPS);
  for (let at: usize = 0; at < step; at += 4) {
    const given = <f64>f32.load(load<usize>(r, NORM_COEFFICIENTS_INVSTD) + at);
    const invstd = <f32>(frozen ? 1 / Math.sqrt(given + eps) : given);
    f32.store(scale + 2 * step + at, invstd);
    coefficients(
      at, load<usize>(r, NORM_COEFFICIENTS_WEIGHT), load<usize>(r, NORM_COEFFICIENTS_BIAS),
      <f64>f32.load(load<usize>(r, NORM_COEFFICIENTS_MEAN) + at), <f64>invstd, scale, step,
    );
  }
}

/** Two vectors of channels: y = x · scale + shift, plus a residual, then ReLU. */
// @ts-expect-error: decorator
@inline
function apply8(x: usize, residual: usize, y: usize, rows: i32, step: usize, scale: usize, floor: v128, plus: bool): void {
  const s0 = v128.load(scale), s1 = v128.load(scale, 16), h0 = v128.load(scale + step), h1 = v128.load(scale + step, 16);
  for (let i = 0; i < rows; i++, x += step, y += step) {
    let v0 = f32x4.add(f32x4.mul(v128.load(x), s0), h0), v1 = f32x4.add(f32x4.mul(v128.load(x, 16), s1), h1);
    if (plus) {
      v0 = f32x4.add(v0, v128.load(residual));
      v1 = f32x4.add(v1, v128.load(residual, 16));
      residual += step;
    }
    v128.store(y, f32x4.pmax(v0, floor));
    v128.store(y, f32x4.pmax(v1, floor), 16);
  }
}

export function normApply(r: usize, tile: i32): void {
  const c = load<i32>(r, NORM_APPLY_C), perTile = load<i32>(r, NORM_APPLY_ROWS_PER_TILE);
  // Without a ReLU what is less than -inf is raised, which nothing is: `relu4` with another zero, NaN stays NaN.
  const floor = f32x4.splat(load<i32>(r, NORM_APPLY_RELU) ? 0 : -Infinity);
  const first = tile * perTile, rows = min(perTile, load<i32>(r, NORM_APPLY_ROWS) - first), step = <usize>c << 2;
  const offset = <usize>first * step, scale = load<usize>(r, NORM_APPLY_SCALE);
  const residual = load<usize>(r, NORM_APPLY_RESIDUAL), plus = residual != 0;
  const x = load<usize>(r, NORM_APPLY_X) + offset, y = load<usize>(r, NORM_APPLY_Y) + offset, from = residual + offset;
  let ch = 0;
  for (; ch + 8 <= c; ch += 8) {
    const at = <usize>ch << 2;
    if (plus) apply8(x + at, from + at, y + at, rows, step, scale + at, floor, true);
    else apply8(x + at, 0, y + at, rows, step, scale + at, floor, false);
  }
  for (; ch < c; ch += 4) {
    const lanes = min(4, c - ch), at = <usize>ch << 2, s = loadLanes(scale + at, lanes), h = loadLanes(scale + at + step, lanes);
    for (let i = 0, to = at; i < rows; i++, to += step) {
      let v = f32x4.add(f32x4.mul(loadLanes(x + to, lanes), s), h);
      if (plus) v = f32x4.add(v, loadLanes(from + to, lanes));
      storeLanes(y + to, f32x4.pmax(v, floor), lanes);
    }
  }
}
