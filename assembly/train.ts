// Losses and optimiser steps.
import {ADAM_W_BETA1, ADAM_W_BETA2, ADAM_W_CORRECTION1,
  ADAM_W_CORRECTION2, ADAM_W_EPS, ADAM_W_GRAD, ADAM_W_LENGTH, ADAM_W_LR, ADAM_W_M,ADAM_W_PARAMETER, ADAM_W_PER_TILE, 
  ADAM_W_V, ADAM_W_WEIGHT_DECAY, CROSS_ENTROPY_DLOGITS, CROSS_ENTROPY_K,CROSS_ENTROPY_LOGITS,CROSS_ENTROPY_LOSSES, CROSS_ENTROPY_N, CROSS_ENTROPY_SMOOTHING, 
  CROSS_ENTROPY_SOFT, 
  CROSS_ENTROPY_TARGET, LERP_LENGTH, LERP_PER_TILE,LERP_WEIGHT, LERP_X, LERP_Y, 
  SGD_FIRST, SGD_GRAD, SGD_KEEP, SGD_LENGTH, SGD_LR, SGD_MOMENTUM, SGD_NESTEROV,SGD_PARAMETER, SGD_PER_TILE, SGD_VELOCITY, SGD_WEIGHT_DECAY, SOFTMAX_GRAD_DX, SOFTMAX_GRAD_DY, SOFTMAX_GRAD_K, SOFTMAX_GRAD_LOG, 
  SOFTMAX_GRAD_Y, 
} from "./generated/records";
import { exp, log as ln } from "./elementary";
import { loadLanes, storeLanes } from "./simd";

export function softmaxGrad(r: usize, tile: i32): void {
  const bytes = <usize>load<i32>(r, SOFTMAX_GRAD_K) << 2, log = load<i32>(r, SOFTMAX_GRAD_LOG) != 0, row = <usize>tile * bytes;
  const y = load<usize>(r, SOFTMAX_GRAD_Y) + row, dy = load<usize>(r, SOFTMAX_GRAD_DY) + row, dx = load<usize>(r, SOFTMAX_GRAD_DX) + row;
  let sum: f64 = 0;
  for (let i: usize = 0; i < bytes; i += 4) sum += <f64>f32.load(dy + i) * (log ? 1 : <f64>f32.load(y + i));
  for (let i: usize = 0; i < bytes; i += 4) {
    const g = <f64>f32.load(dy + i), v = <f64>f32.load(y + i);
    f32.store(dx + i, <f32>(log ? g - exp(v) * sum : v * (g - sum)));
  }
}

/** Target probability of a class: from a class number or given, smoothed towards uniform. */
// @ts-expect-error: decorator
@inline
function targetOf(soft: bool, target: usize, row: i32, k: i32, i: i32, smoothing: f64): f64 {
  const hard = soft ? <f64>f32.load(target + (<usize>(row * k + i) << 2)) : f32.load(target + (<usize>row << 2)) == <f32>i ? 1 : 0;
  return hard * (1 - smoothing) + smoothing / <f64>k;
}

export function crossEntropy(r: usize, tile: i32): void {
  const n = load<i32>(r, CROSS_ENTROPY_N), k = load<i32>(r, CROSS_ENTROPY_K), soft = load<i32>(r, CROSS_ENTROPY_SOFT) != 0;
  const smoothing = <f64>f32.load(r, CROSS_ENTROPY_SMOOTHING), target = load<usize>(r, CROSS_ENTROPY_TARGET), row = <usize>(tile * k) << 2;
  const logits = load<usize>(r, CROSS_ENTROPY_LOGITS) + row, dlogits = load<usize>(r, CROSS_ENTROPY_DLOGITS) + row;
  let largest: f32 = -f32.MAX_VALUE - f32.MAX_VALUE;
  for (let i = 0; i < k; i++) {
    const v = f32.load(logits + (<usize>i << 2));
    if (!(v <= largest)) largest = v;
  }
  let sum: f64 = 0;
  for (let i = 0; i < k; i++) sum += exp(<f64>f32.load(logits + (<usize>i << 2)) - <f64>largest);
  const shift = <f64>largest + ln(sum);
  let loss: f64 = 0, total: f64 = 0;
  for (let i = 0; i < k; i++) {
    const t = targetOf(soft, target, tile, k, i, smoothing);
    total += t;
    if (t != 0) loss -= t * (<f64>f32.load(logits + (<usize>i << 2)) - shift);
  }
  for (let i = 0; i < k; i++) {
    const at = <usize>i << 2, p = exp(<f64>f32.load(logits + at) - shift);
    f32.store(dlogits + at, <f32>((total * p - targetOf(soft, target, tile, k, i, smoothing)) / <f64>n));
  }
  f32.store(load<usize>(r, CROSS_ENTROPY_LOSSES) + (<usize>tile << 2), <f32>loss);
}

/** PyTorch's SGD, one pass over parameter, gradient and velocity. */
export function sgd(r: usize, tile: i32): void {
  const perTile = load<i32>(r, SGD_PER_TILE), start = tile * perTile, count = min(perTile, load<i32>(r, SGD_LENGTH) - start), offset = <usize>start << 2;
  let grad = load<usize>(r, SGD_GRAD) + offset, p = load<usize>(r, SGD_PARAMETER) + offset, velocity = load<usize>(r, SGD_VELOCITY) + offset;
  const nesterov = load<i32>(r, SGD_NESTEROV) != 0, first = load<i32>(r, SGD_FIRST) != 0, plain = f32.load(r, SGD_MOMENTUM) == 0;
  const lr = f32x4.splat(f32.load(r, SGD_LR)), momentum = f32x4.splat(f32.load(r, SGD_MOMENTUM));
  const keep = f32x4.splat(f32.load(r, SGD_KEEP)), decay = f32x4.splat(f32.load(r, SGD_WEIGHT_DECAY));
  for (let i = 0; i < count; i += 4, grad += 16, p += 16, velocity += 16) {
    const lanes = min(4, count - i), value = loadLanes(p, lanes);
    let step = f32x4.add(loadLanes(grad, lanes), f32x4.mul(decay, value));
    if (!plain) {
      const v = first ? step : f32x4.add(f32x4.mul(momentum, loadLanes(velocity, lanes)), f32x4.mul(keep, step));
      storeLanes(velocity, v, lanes);
      step = nesterov ? f32x4.add(step, f32x4.mul(momentum, v)) : v;
    }
    storeLanes(p, f32x4.sub(value, f32x4.mul(lr, step)), lanes);
  }
}

export function adamW(r: usize, tile: i32): void {
  const perTile = load<i32>(r, ADAM_W_PER_TILE), start = tile * perTile, count = min(perTile, load<i32>(r, ADAM_W_LENGTH) - start), offset = <usize>start << 2;
  let grad = load<usize>(r, ADAM_W_GRAD) + offset, p = load<usize>(r, ADAM_W_PARAMETER) + offset;
  let m = load<usize>(r, ADAM_W_M) + offset, v = load<usize>(r, ADAM_W_V) + offset;
  const lr = f32.load(r, ADAM_W_LR), beta1 = f32.load(r, ADAM_W_BETA1), beta2 = f32.load(r, ADAM_W_BETA2);
  const b1 = f32x4.splat(beta1), b2 = f32x4.splat(beta2), n1 = f32x4.splat(1 - beta1), n2 = f32x4.splat(1 - beta2);
  const eps = f32x4.splat(f32.load(r, ADAM_W_EPS)), keep = f32x4.splat(1 - lr * f32.load(r, ADAM_W_WEIGHT_DECAY));
  const step = f32x4.splat(lr / f32.load(r, ADAM_W_CORRECTION1)), correction2 = f32x4.splat(f32.load(r, ADAM_W_CORRECTION2));
  for (let i = 0; i < count; i += 4, grad += 16, p += 16, m += 16, v += 16) {
    const lanes = min(4, count - i), g = loadLanes(grad, lanes);
    const first = f32x4.add(f32x4.mul(b1, loadLanes(m, lanes)), f32x4.mul(n1, g));
    const second = f32x4.add(f32x4.mul(b2, loadLanes(v, lanes)), f32x4.mul(n2, f32x4.mul(g, g)));
    storeLanes(m, first, lanes);
    storeLanes(v, second, lanes);
    const denominator = f32x4.add(f32x4.sqrt(f32x4.div(second, correction2)), eps);
    storeLanes(p, f32x4.sub(f32x4.mul(loadLanes(p, lanes), keep), f32x4.div(f32x4.mul(step, first), denominator)), lanes);
  }
}

/** y += (x - y) · weight. */
export function lerp(r: usize, tile: i32): void {
  const perTile = load<i32>(r, LERP_PER_TILE), start = tile * perTile, count = min(perTile, load<i32>(r, LERP_LENGTH) - start), offset = <usize>start << 2;
  let x = load<usize>(r, LERP_X) + offset, y = load<usize>(r, LERP_Y) + offset;
  const weight = f32x4.splat(f32.load(r, LERP_WEIGHT));
  for (let i = 0; i < count; i += 4, x += 16, y += 16) {
    const lanes = min(4, count - i), v = loadLanes(y, lanes);
    storeLanes(y, f32x4.add(v, f32x4.mul(f32x4.sub(loadLanes(x, lanes), v), weight)), lanes);
  }
}
