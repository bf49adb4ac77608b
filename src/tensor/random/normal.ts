import { log, log1p } from "../math/log.ts";
import { cos, kernelCos, kernelSin, sin } from "../math/trig.ts";
import type { Mt19937 } from "./mt19937.ts";

const TWO_PI_F32 = 6.2831854820251465;
const INV_PIO2 = 0.6366197723675814;
const PIO2_1 = 1.5707963267341256; // 33 bits of pi / 2: n * PIO2_1 is exact
const PIO2_1T = 6.077100506506192e-11;

/**
 * Box-Muller on 16 uniforms in [0, 1) at `data[at]`: `data[j]` and `data[j + 8]` become two normal values.
 * Every step is rounded to f32 where PyTorch's vector code rounds, so most values are its values to the last bit;
 * its own logarithm, sine and cosine are approximations in f32, ours are exact before rounding.
 */
function boxMuller16(data: Float32Array, at: number, mean: number, std: number): void {
  const f = Math.fround;
  for (let j = at; j < at + 8; j++) {
    const radius = f(Math.sqrt(f(-2 * f(log(1 - data[j]!)))));
    const theta = f(TWO_PI_F32 * data[j + 8]!);
    const n = Math.floor(theta * INV_PIO2 + 0.5);
    const y = theta - n * PIO2_1 - n * PIO2_1T;
    const s = kernelSin(y, 0);
    const c = kernelCos(y, 0);
    const odd = (n & 1) === 1;
    const x1 = f(odd ? s : c);
    const x2 = f(odd ? c : s);
    data[j] = f(radius * ((n + 1) & 2 ? -x1 : x1)) * std + mean;
    data[j + 8] = f(radius * (n & 2 ? -x2 : x2)) * std + mean;
  }
}

/** How many words {@link fillNormal} takes: with a ragged end the last 16 values are drawn again. */
export function normalWords(length: number): number {
  return length % 16 === 0 ? length : length + 16;
}

/**
 * At least 16 normal values, as PyTorch's `normal_fill` draws them: uniforms for all, Box-Muller in blocks of 16, and
 * where the length is no multiple of 16 the last 16 values anew. `mean` and `std` are rounded to f32 first.
 * Source: pytorch aten/src/ATen/native/cpu/DistributionTemplates.h.
 */
export function fillNormal(engine: Mt19937, data: Float32Array, mean: number, std: number): void {
  mean = Math.fround(mean);
  std = Math.fround(std);
  engine.fillUniform(data, 0, 1);
  for (let at = 0; at <= data.length - 16; at += 16) boxMuller16(data, at, mean, std);
  if (data.length % 16 !== 0) {
    engine.fillUniform(data.subarray(-16), 0, 1);
    boxMuller16(data, data.length - 16, mean, std);
  }
}

/** One pair of standard normal f64 values from two f64 uniforms (PyTorch's path for fewer than 16 values). */
export function normalPair(engine: Mt19937): [number, number] {
  const theta = 2 * Math.PI * engine.uniform53();
  const radius = Math.sqrt(-2 * log1p(-engine.uniform53()));
  return [radius * cos(theta), radius * sin(theta)];
}
