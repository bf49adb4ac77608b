import {
  NORM_FOLD_BIAS,
  NORM_FOLD_C,
  NORM_FOLD_EPS,
  NORM_FOLD_MEAN,
  NORM_FOLD_SCALE,
  NORM_FOLD_VARIANCE,
  NORM_FOLD_WEIGHT,
  POINTWISE_A,
  POINTWISE_B,
  POINTWISE_FACTOR,
  POINTWISE_LENGTH,
  POINTWISE_PER_TILE,
  POINTWISE_RELU,
  POINTWISE_SCALED,
  POINTWISE_Y,
  SCALE_SHIFT_C,
  SCALE_SHIFT_RELU,
  SCALE_SHIFT_ROWS,
  SCALE_SHIFT_ROWS_PER_TILE,
  SCALE_SHIFT_SCALE,
  SCALE_SHIFT_X,
  SCALE_SHIFT_Y,
} from "./generated/records";
import { loadLanes, relu4, storeLanes } from "./simd";

/** y = a + b, ReLU, times a factor: each part may be left out. */
export function pointwise(r: usize, tile: i32): void {
  const perTile = load<i32>(r, POINTWISE_PER_TILE),
    start = tile * perTile;
  const count = min(perTile, load<i32>(r, POINTWISE_LENGTH) - start);
  const offset = (<usize>start) << 2;
  let a = load<usize>(r, POINTWISE_A) + offset,
    y = load<usize>(r, POINTWISE_Y) + offset;
  let b = load<usize>(r, POINTWISE_B);
  const relu = load<i32>(r, POINTWISE_RELU) != 0,
    scaled = load<i32>(r, POINTWISE_SCALED) != 0;
  const factor = f32x4.splat(f32.load(r, POINTWISE_FACTOR));
  if (b) b += offset;
  for (let i = 0; i < count; i += 4) {
    const lanes = min(4, count - i);
    let v = loadLanes(a, lanes);
    if (b) {
      v = f32x4.add(v, loadLanes(b, lanes));
      b += 16;
    }
    if (relu) v = relu4(v);
    if (scaled) v = f32x4.mul(v, factor);
    storeLanes(y, v, lanes);
    a += 16;
    y += 16;
  }
}

/** scale = weight / sqrt(variance + eps), shift = bias - mean · scale; computed in f64, rounded once. */
export function normFold(r: usize, _tile: i32): void {
  const c = load<i32>(r, NORM_FOLD_C),
    eps = <f64>f32.load(r, NORM_FOLD_EPS);
  const weight = load<usize>(r, NORM_FOLD_WEIGHT),
    bias = load<usize>(r, NORM_FOLD_BIAS);
  const mean = load<usize>(r, NORM_FOLD_MEAN),
    variance = load<usize>(r, NORM_FOLD_VARIANCE),
    out = load<usize>(r, NORM_FOLD_SCALE);
  for (let i = 0; i < c; i++) {
    const at = (<usize>i) << 2;
    const scale = (weight ? <f64>f32.load(weight + at) : 1) / Math.sqrt(<f64>f32.load(variance + at) + eps);
    f32.store(out + at, <f32>scale);
    f32.store(
      out + at + ((<usize>c) << 2),
      <f32>((bias ? <f64>f32.load(bias + at) : 0) - <f64>f32.load(mean + at) * scale),
    );
  }
}

/** y = x · scale + shift per channel, then ReLU. */
export function scaleShift(r: usize, tile: i32): void {
  const c = load<i32>(r, SCALE_SHIFT_C),
    rowsPerTile = load<i32>(r, SCALE_SHIFT_ROWS_PER_TILE),
    relu = load<i32>(r, SCALE_SHIFT_RELU) != 0;
  const first = tile * rowsPerTile,
    rows = min(rowsPerTile, load<i32>(r, SCALE_SHIFT_ROWS) - first);
  const rowBytes = (<usize>c) << 2;
  const scale = load<usize>(r, SCALE_SHIFT_SCALE),
    shift = scale + rowBytes;
  let x = load<usize>(r, SCALE_SHIFT_X) + <usize>first * rowBytes,
    y = load<usize>(r, SCALE_SHIFT_Y) + <usize>first * rowBytes;
  for (let i = 0; i < rows; i++) {
    for (let ch = 0; ch < c; ch += 4) {
      const lanes = min(4, c - ch),
        at = (<usize>ch) << 2;
      let v = f32x4.add(
        f32x4.mul(loadLanes(x + at, lanes), loadLanes(scale + at, lanes)),
        loadLanes(shift + at, lanes),
      );
      if (relu) v = relu4(v);
      storeLanes(y + at, v, lanes);
    }
    x += rowBytes;
    y += rowBytes;
  }
}
