import { highWord } from "./bits.ts";

// Method and constants: fdlibm k_sin.c, k_cos.c, e_rem_pio2.c
// (Copyright 1993 Sun Microsystems, Inc. Freely usable with this notice kept).

const S1 = -1.6666666666666632e-1;
const S2 = 8.33333333332249e-3;
const S3 = -1.984126982985795e-4;
const S4 = 2.7557313707070068e-6;
const S5 = -2.5050760253406863e-8;
const S6 = 1.58969099521155e-10;

/** sin(x + y) for |x| <= pi / 4 and a tail y below half a unit in the last place of x. */
export function kernelSin(x: number, y: number): number {
  const z = x * x;
  const v = z * x;
  const r = S2 + z * (S3 + z * (S4 + z * (S5 + z * S6)));
  return x - (z * (0.5 * y - v * r) - y - v * S1);
}

const C1 = 4.16666666666666e-2;
const C2 = -1.388888888887411e-3;
const C3 = 2.480158728947673e-5;
const C4 = -2.7557314351390663e-7;
const C5 = 2.087572321298175e-9;
const C6 = -1.1359647557788195e-11;

/** cos(x + y), as {@link kernelSin}. */
export function kernelCos(x: number, y: number): number {
  const z = x * x;
  const w = z * z;
  const r = z * (C1 + z * (C2 + z * C3)) + w * w * (C4 + z * (C5 + z * C6));
  const half = 0.5 * z;
  const one = 1 - half;
  return one + (1 - one - half + (z * r - x * y));
}

const INV_PIO2 = 6.366197723675814e-1;
// pi / 2 in three parts of 33 bits, each with its rest: n * PIO2_i is exact for n < 2^20.
const PIO2_1 = 1.5707963267341256;
const PIO2_1T = 6.077100506506192e-11;
const PIO2_2 = 6.077100506303966e-11;
const PIO2_2T = 2.0222662487959506e-21;
const PIO2_3 = 2.0222662487111665e-21;
const PIO2_3T = 8.4784276603689e-32;

// The reduced argument of the last call of `reduce`: two cells instead of an array for each call.
let head = 0;
let tail = 0;

/** Above it `reduce` would be wrong: 2^20 pi / 2. Angles of random numbers and schedules are a few turns. */
const MOST = 1647099;

/** Writes x - n pi / 2 to head + tail, at most pi / 4 in size, and returns n modulo 4. */
function reduce(x: number): number {
  const n = Math.floor(x * INV_PIO2 + 0.5);
  const exponent = (highWord(x) >> 20) & 0x7ff;
  let r = x - n * PIO2_1;
  let w = n * PIO2_1T;
  let y = r - w;
  // Cancelled bits are made good with the next part.
  if (exponent - ((highWord(y) >> 20) & 0x7ff) > 16) {
    const t = r;
    w = n * PIO2_2;
    r = t - w;
    w = n * PIO2_2T - (t - r - w);
    y = r - w;
    if (exponent - ((highWord(y) >> 20) & 0x7ff) > 49) {
      const t2 = r;
      w = n * PIO2_3;
      r = t2 - w;
      w = n * PIO2_3T - (t2 - r - w);
      y = r - w;
    }
  }
  head = y;
  tail = r - y - w;
  return n & 3;
}

/** Sine of x radians to less than 1 unit in the last place; NaN from 1,647,099 on. */
export function sin(x: number): number {
  const a = Math.abs(x);
  if (a < 0.7853981633974483) return a < 1.4901161193847656e-8 ? x : kernelSin(x, 0); // pi / 4, 2^-26
  if (!(a < MOST)) return NaN;
  const n = reduce(x);
  const y = n & 1 ? kernelCos(head, tail) : kernelSin(head, tail);
  return n & 2 ? -y : y;
}

/** Cosine of x radians to less than 1 unit in the last place; NaN from 1,647,099 on. */
export function cos(x: number): number {
  const a = Math.abs(x);
  if (a < 0.7853981633974483) return kernelCos(x, 0);
  if (!(a < MOST)) return NaN;
  const n = reduce(x);
  const y = n & 1 ? kernelSin(head, tail) : kernelCos(head, tail);
  return (n + 1) & 2 ? -y : y;
}
