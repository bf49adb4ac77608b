// Batch norm with the batch's own statistics, and its gradients. Sums run over fixed chunks of rows in f32 and over chunks in f64,
// so they do not depend on the number of threads. Scratch matrices are [chunks][2][c].
import {CHANNEL_SUMS_C, CHANNEL_SUMS_PARTIAL, CHANNEL_SUMS_ROWS, CHANNEL_SUMS_ROWS_PER_TILE,
  CHANNEL_SUMS_SQUARES, 
  CHANNEL_SUMS_X, NORM_COEFFICIENTS_BIAS, 
  NORM_COEFFICIENTS_C, NORM_COEFFICIENTS_EPS, NORM_COEFFICIENTS_FROZEN, 
  NORM_COEFFICIENTS_INVSTD, NORM_COEFFICIENTS_MEAN,NORM_COEFFICIENTS_SCALE,NORM_COEFFICIENTS_WEIGHT, NORM_COMBINE_BIAS, 
  NORM_COMBINE_C, NORM_COMBINE_EPS, NORM_COMBINE_INVSTD, NORM_COMBINE_MEAN, NORM_COMBINE_MOMENTUM, 
  NORM_COMBINE_PARTIAL, NORM_COMBINE_ROWS,NORM_COMBINE_ROWS_PER_TILE, NORM_COMBINE_RUNNING_MEAN,
  NORM_COMBINE_RUNNING_VARIANCE, NORM_COMBINE_SCALE, NORM_COMBINE_WEIGHT, NORM_GRAD_APPLY_C,
  NORM_GRAD_APPLY_DX, NORM_GRAD_APPLY_DY,NORM_GRAD_APPLY_FACTORS, NORM_GRAD_APPLY_RELU,NORM_GRAD_APPLY_ROWS, 
  NORM_GRAD_APPLY_ROWS_PER_TILE, NORM_GRAD_APPLY_SCALE, NORM_GRAD_APPLY_X, NORM_GRAD_COMBINE_C,
  NORM_GRAD_COMBINE_DBIAS, NORM_GRAD_COMBINE_DWEIGHT,NORM_GRAD_COMBINE_FACTORS, NORM_GRAD_COMBINE_FROZEN, NORM_GRAD_COMBINE_INVSTD, NORM_GRAD_COMBINE_MEAN, NORM_GRAD_COMBINE_PARTIAL,NORM_GRAD_COMBINE_ROWS, 
  NORM_GRAD_COMBINE_ROWS_PER_TILE, 
  NORM_GRAD_COMBINE_WEIGHT, NORM_GRAD_SUMS_C, 
  NORM_GRAD_SUMS_DY, NORM_GRAD_SUMS_INVSTD,NORM_GRAD_SUMS_MEAN, NORM_GRAD_SUMS_PARTIAL, NORM_GRAD_SUMS_RELU, 
  NORM_GRAD_SUMS_ROWS, NORM_GRAD_SUMS_ROWS_PER_TILE, NORM_GRAD_SUMS_SCALE, NORM_GRAD_SUMS_X,NORM_STATS_C, NORM_STATS_PARTIAL, NORM_STATS_ROWS, NORM_STATS_ROWS_PER_TILE,NORM_STATS_X, 
  NORM_APPLY_C, NORM_APPLY_RELU, NORM_APPLY_RESIDUAL, NORM_APPLY_ROWS, NORM_APPLY_ROWS_PER_TILE, NORM_APPLY_SCALE, NORM_APPLY_X,
  NORM_APPLY_Y, NORM_GRAD_SUMS_DZ, NORM_GRAD_SUMS_Y,
} from "./generated/records";
import { loadLanes, storeLanes } from "./simd";

const CHANNELS_PER_TILE: i32 = 16;

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

/** dy where the fused ReLU let x · scale + shift through. */
// @ts-expect-error: decorator
@inline
function behindRelu(x: v128, dy: v128, scale: v128, shift: v128): v128 {
  return v128.and(dy, f32x4.gt(f32x4.add(f32x4.mul(x, scale), shift), f32x4.splat(0)));
}

/**
 * Two vectors of channels over the rows of a chunk. `masked`: the ReLU came after an addition, so its mask is where y > 0, and
 * what it lets through is kept in `dz`, for the other summand and for the second pass.
 */
// @ts-expect-error: decorator
@inline
function gradSums8(
  x: usize, dy: usize, y: usize, dz: usize, rows: i32, step: usize, scales: usize, means: usize, inverse: usize, out: usize, relu: bool, masked: bool,
): void {
  const s0 = v128.load(scales), s1 = v128.load(scales, 16), h0 = v128.load(scales + step), h1 = v128.load(scales + step, 16);
  const m0 = v128.load(means), m1 = v128.load(means, 16), zero = f32x4.splat(0);
  let sum0 = zero, sum1 = zero, dot0 = zero, dot1 = zero;
  for (let i = 0; i < rows; i++, x += step, dy += step) {
    const v0 = v128.load(x), v1 = v128.load(x, 16);
    let g0 = v128.load(dy), g1 = v128.load(dy, 16);
    if (relu) {
      g0 = behindRelu(v0, g0, s0, h0);
      g1 = behindRelu(v1, g1, s1, h1);
    } else if (masked) {
      g0 = v128.and(g0, f32x4.gt(v128.load(y), zero));
      g1 = v128.and(g1, f32x4.gt(v128.load(y, 16), zero));
      v128.store(dz, g0);
      v128.store(dz, g1, 16);
      y += step;
      dz += step;
    }
    sum0 = f32x4.add(sum0, g0);
    sum1 = f32x4.add(sum1, g1);
    dot0 = f32x4.add(dot0, f32x4.mul(g0, f32x4.sub(v0, m0)));
    dot1 = f32x4.add(dot1, f32x4.mul(g1, f32x4.sub(v1, m1)));
  }
  v128.store(out, sum0);
  v128.store(out, sum1, 16);
  v128.store(out + step, f32x4.mul(dot0, v128.load(inverse)));
  v128.store(out + step, f32x4.mul(dot1, v128.load(inverse, 16)), 16);
}

export function normGradSums(r: usize, tile: i32): void {
  const c = load<i32>(r, NORM_GRAD_SUMS_C), perTile = load<i32>(r, NORM_GRAD_SUMS_ROWS_PER_TILE);
  const first = tile * perTile, rows = min(perTile, load<i32>(r, NORM_GRAD_SUMS_ROWS) - first), step = <usize>c << 2;
  const offset = <usize>first * step, x = load<usize>(r, NORM_GRAD_SUMS_X) + offset, dy = load<usize>(r, NORM_GRAD_SUMS_DY) + offset;
  const y = load<usize>(r, NORM_GRAD_SUMS_Y), dz = load<usize>(r, NORM_GRAD_SUMS_DZ) + offset, masked = y != 0;
  const relu = load<i32>(r, NORM_GRAD_SUMS_RELU) != 0 && !masked;
  const out = load<usize>(r, NORM_GRAD_SUMS_PARTIAL) + <usize>tile * step * 2, scales = load<usize>(r, NORM_GRAD_SUMS_SCALE);
  const means = load<usize>(r, NORM_GRAD_SUMS_MEAN), inverse = load<usize>(r, NORM_GRAD_SUMS_INVSTD);
  let ch = 0;
  for (; ch + 8 <= c; ch += 8) {
    const at = <usize>ch << 2;
    if (masked) {
      gradSums8(x + at, dy + at, y + offset + at, dz + at, rows, step, scales + at, means + at, inverse + at, out + at, false, true);
    } else if (relu) gradSums8(x + at, dy + at, 0, 0, rows, step, scales + at, means + at, inverse + at, out + at, true, false);
    else gradSums8(x + at, dy + at, 0, 0, rows, step, scales + at, means + at, inverse + at, out + at, false, false);
  }
  for (; ch < c; ch += 4) {
    const lanes = min(4, c - ch), at = <usize>ch << 2;
    const scale = loadLanes(scales + at, lanes), shift = loadLanes(scales + at + step, lanes);
    const mean = loadLanes(means + at, lanes), invstd = loadLanes(inverse + at, lanes);
    let sum = f32x4.splat(0), dot = sum;
    for (let i = 0, to = at; i < rows; i++, to += step) {
      const v = loadLanes(x + to, lanes);
      let g = loadLanes(dy + to, lanes);
      if (masked) {
        g = v128.and(g, f32x4.gt(loadLanes(y + offset + to, lanes), f32x4.splat(0)));
        storeLanes(dz + to, g, lanes);
      } else if (relu) g = behindRelu(v, g, scale, shift);
      sum = f32x4.add(sum, g);
      dot = f32x4.add(dot, f32x4.mul(g, f32x4.sub(v, mean)));
    }
    storeLanes(out + at, sum, lanes);
    storeLanes(out + at + step, f32x4.mul(dot, invstd), lanes);
  }
}

export function normGradCombine(r: usize, tile: i32): void {
  const c = load<i32>(r, NORM_GRAD_COMBINE_C), rows = load<i32>(r, NORM_GRAD_COMBINE_ROWS), perTile = load<i32>(r, NORM_GRAD_COMBINE_ROWS_PER_TILE);
  const step = <usize>c << 2, first = tile * CHANNELS_PER_TILE, last = min(c, first + CHANNELS_PER_TILE);
  const weight = load<usize>(r, NORM_GRAD_COMBINE_WEIGHT), factors = load<usize>(r, NORM_GRAD_COMBINE_FACTORS);
  for (let ch = first; ch < last; ch++) {
    const at = <usize>ch << 2;
    let sum: f64 = 0, dot: f64 = 0, from = load<usize>(r, NORM_GRAD_COMBINE_PARTIAL) + at;
    for (let row = 0; row < rows; row += perTile, from += 2 * step) {
      sum += <f64>f32.load(from);
      dot += <f64>f32.load(from + step);
    }
    f32.store(load<usize>(r, NORM_GRAD_COMBINE_DWEIGHT) + at, <f32>dot);
    f32.store(load<usize>(r, NORM_GRAD_COMBINE_DBIAS) + at, <f32>sum);
    const mean = <f64>f32.load(load<usize>(r, NORM_GRAD_COMBINE_MEAN) + at), invstd = <f64>f32.load(load<usize>(r, NORM_GRAD_COMBINE_INVSTD) + at);
    const a = (weight ? <f64>f32.load(weight + at) : 1) * invstd;
    let b: f64 = 0, shift: f64 = 0;
    if (load<i32>(r, NORM_GRAD_COMBINE_FROZEN) == 0) {
      b = -a * invstd * dot / <f64>rows;
      shift = -b * mean - a * sum / <f64>rows;
    }
    f32.store(factors + at, <f32>a);
    f32.store(factors + at + step, <f32>b);
    f32.store(factors + at + 2 * step, <f32>shift);
  }
}

// @ts-expect-error: decorator
@inline
function gradApply8(x: usize, dy: usize, dx: usize, rows: i32, step: usize, scales: usize, factors: usize, relu: bool): void {
  const s0 = v128.load(scales), s1 = v128.load(scales, 16), h0 = v128.load(scales + step), h1 = v128.load(scales + step, 16);
  const a0 = v128.load(factors), a1 = v128.load(factors, 16), b0 = v128.load(factors + step), b1 = v128.load(factors + step, 16);
  const c0 = v128.load(factors + 2 * step), c1 = v128.load(factors + 2 * step, 16);
  for (let i = 0; i < rows; i++, x += step, dy += step, dx += step) {
    const v0 = v128.load(x), v1 = v128.load(x, 16);
    let g0 = v128.load(dy), g1 = v128.load(dy, 16);
    if (relu) {
      g0 = behindRelu(v0, g0, s0, h0);
      g1 = behindRelu(v1, g1, s1, h1);
    }
    v128.store(dx, f32x4.add(f32x4.add(f32x4.mul(a0, g0), f32x4.mul(b0, v0)), c0));
    v128.store(dx, f32x4.add(f32x4.add(f32x4.mul(a1, g1), f32x4.mul(b1, v1)), c1), 16);
  }
}

export function normGradApply(r: usize, tile: i32): void {
  const c = load<i32>(r, NORM_GRAD_APPLY_C), perTile = load<i32>(r, NORM_GRAD_APPLY_ROWS_PER_TILE), relu = load<i32>(r, NORM_GRAD_APPLY_RELU) != 0;
  const first = tile * perTile, rows = min(perTile, load<i32>(r, NORM_GRAD_APPLY_ROWS) - first), step = <usize>c << 2;
  const offset = <usize>first * step, scales = load<usize>(r, NORM_GRAD_APPLY_SCALE), factors = load<usize>(r, NORM_GRAD_APPLY_FACTORS);
  const x = load<usize>(r, NORM_GRAD_APPLY_X) + offset, dy = load<usize>(r, NORM_GRAD_APPLY_DY) + offset, dx = load<usize>(r, NORM_GRAD_APPLY_DX) + offset;
  let ch = 0;
  for (; ch + 8 <= c; ch += 8) {
    const at = <usize>ch << 2;
    if (relu) gradApply8(x + at, dy + at, dx + at, rows, step, scales + at, factors + at, true);
    else gradApply8(x + at, dy + at, dx + at, rows, step, scales + at, factors + at, false);
  }
  for (; ch < c; ch += 4) {
    const lanes = min(4, c - ch), at = <usize>ch << 2;
    const a = loadLanes(factors + at, lanes), b = loadLanes(factors + at + step, lanes), shift = loadLanes(factors + at + 2 * step, lanes);
    for (let i = 0, to = at; i < rows; i++, to += step) {
      const v = loadLanes(x + to, lanes);
      let g = loadLanes(dy + to, lanes);
      if (relu) g = behindRelu(v, g, loadLanes(scales + at, lanes), loadLanes(scales + at + step, lanes));
      storeLanes(dx + to, f32x4.add(f32x4.add(f32x4.mul(a, g), f32x4.mul(b, v)), shift), lanes);
    }
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
