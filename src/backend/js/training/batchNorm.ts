import type { OpAttrs, View } from "../../backend.ts";
import { floats, optionalFloats } from "../view.ts";

/** Normalises by the batch's mean and biased variance; running statistics take the unbiased variance (PyTorch). */
export function batchNormTrain(
  attrs: OpAttrs["batchNormTrain"],
  inputs: readonly (View | null)[],
  outputs: readonly View[],
): void {
  const x = floats(inputs[0]);
  const [weight, bias, runningMean, runningVariance] = inputs.slice(1, 5).map(optionalFloats);
  const residual = optionalFloats(inputs[5]);
  const [y, meanOut, invstdOut] = outputs.map(floats) as [Float32Array, Float32Array, Float32Array];
  const c = inputs[0]!.shape[1]!;
  const rows = x.length / c;
  const { eps, momentum, relu = false } = attrs;
  const mean = new Float64Array(c);
  const m2 = new Float64Array(c);
  for (let from = 0; from < x.length; from += c) for (let i = 0; i < c; i++) mean[i]! += x[from + i]!;
  for (let i = 0; i < c; i++) mean[i]! /= rows;
  for (let from = 0; from < x.length; from += c) {
    for (let i = 0; i < c; i++) m2[i]! += (x[from + i]! - mean[i]!) ** 2;
  }
  for (let i = 0; i < c; i++) {
    meanOut[i] = mean[i]!;
    invstdOut[i] = 1 / Math.sqrt(m2[i]! / rows + eps);
    if (runningMean) runningMean[i] = (1 - momentum) * runningMean[i]! + momentum * mean[i]!;
    if (runningVariance) runningVariance[i] = (1 - momentum) * runningVariance[i]! + (momentum * m2[i]!) / (rows - 1);
  }
  for (let from = 0; from < x.length; from += c) {
    for (let i = 0; i < c; i++) {
      const invstd = 1 / Math.sqrt(m2[i]! / rows + eps);
      const v =
        (x[from + i]! - mean[i]!) * invstd * (weight?.[i] ?? 1) + (bias?.[i] ?? 0) + (residual?.[from + i] ?? 0);
      y[from + i] = relu && v <= 0 ? 0 : v;
    }
  }
}

/** Gradients of batch norm (and of the ReLU fused with it, whose mask is computed again from x, or is where y > 0). */
export function batchNormGrad(
  attrs: OpAttrs["batchNormGrad"],
  inputs: readonly (View | null)[],
  outputs: readonly View[],
): void {
  const x = floats(inputs[0]);
  const dy = floats(inputs[1]);
  const mean = floats(inputs[2]);
  const weight = optionalFloats(inputs[4]);
  const bias = optionalFloats(inputs[5]);
  const { eps, relu = false, frozen = false } = attrs;
  const y = optionalFloats(inputs[6]);
  const dz = optionalFloats(outputs[3]);
  const invstd = frozen ? Float64Array.from(floats(inputs[3]), (v) => 1 / Math.sqrt(v + eps)) : floats(inputs[3]);
  const [dx, dweight, dbias] = outputs.slice(0, 3).map(floats) as [Float32Array, Float32Array, Float32Array];
  const c = inputs[0]!.shape[1]!;
  const rows = x.length / c;
  const sum = new Float64Array(c);
  const dot = new Float64Array(c);
  const hat = (at: number, i: number) => (x[at]! - mean[i]!) * invstd[i]!;
  const grad = (at: number, i: number) =>
    y ? (y[at]! > 0 ? dy[at]! : 0) : relu && hat(at, i) * (weight?.[i] ?? 1) + (bias?.[i] ?? 0) <= 0 ? 0 : dy[at]!;
  for (let from = 0; from < x.length; from += c) {
    for (let i = 0; i < c; i++) {
      const g = grad(from + i, i);
      if (dz) dz[from + i] = g;
      sum[i]! += g;
      dot[i]! += g * hat(from + i, i);
    }
  }
  for (let from = 0; from < x.length; from += c) {
    for (let i = 0; i < c; i++) {
      const g = grad(from + i, i);
      const centred = frozen ? g : g - sum[i]! / rows - (hat(from + i, i) * dot[i]!) / rows;
      dx[from + i] = (weight?.[i] ?? 1) * invstd[i]! * centred;
    }
  }
  dweight.set(dot);
  dbias.set(sum);
}
