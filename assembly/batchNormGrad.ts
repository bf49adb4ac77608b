// Gradients of batch norm (batchNorm.ts), with or without the ReLU behind it. Sums over fixed chunks of rows as there: [chunks][2][c].
import { CHANNELS_PER_TILE } from "./batchNorm";
import {
  NORM_GRAD_APPLY_C, NORM_GRAD_APPLY_DX, NORM_GRAD_APPLY_DY, NORM_GRAD_APPLY_FACTORS, NORM_GRAD_APPLY_RELU, NORM_GRAD_APPLY_ROWS,
  NORM_GRAD_APPLY_ROWS_PER_TILE, NORM_GRAD_APPLY_SCALE, NORM_GRAD_APPLY_X, NORM_GRAD_COMBINE_C, NORM_GRAD_COMBINE_DBIAS,
  NORM_GRAD_COMBINE_DWEIGHT, NORM_GRAD_COMBINE_FACTORS, NORM_GRAD_COMBINE_FROZEN, NORM_GRAD_COMBINE_INVSTD, NORM_GRAD_COMBINE_MEAN,
  NORM_GRAD_COMBINE_PARTIAL, NORM_GRAD_COMBINE_ROWS, NORM_GRAD_COMBINE_ROWS_PER_TILE, NORM_GRAD_COMBINE_WEIGHT, NORM_GRAD_SUMS_C,
  NORM_GRAD_SUMS_DY, NORM_GRAD_SUMS_DZ, NORM_GRAD_SUMS_INVSTD, NORM_GRAD_SUMS_MEAN, NORM_GRAD_SUMS_PARTIAL, NORM_GRAD_SUMS_RELU,
  NORM_GRAD_SUMS_ROWS, NORM_GRAD_SUMS_ROWS_PER_TILE, NORM_GRAD_SUMS_SCALE, NORM_GRAD_SUMS_X, NORM_GRAD_SUMS_Y,
} from "./generated/records";
import { loadLanes, storeLanes } from "./simd";

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
