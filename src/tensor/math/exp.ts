import { highWord, scale2 } from "./bits.ts";

// Method and constants: fdlibm e_exp.c, s_expm1.c, s_tanh.c
// (Copyright 1993 Sun Microsystems, Inc. Freely usable with this notice kept).

const LN2_HI = 6.931471803691238e-1; // ln 2 in two parts: k * LN2_HI is exact for |k| < 2^20
const LN2_LO = 1.9082149292705877e-10;
const INV_LN2 = Math.LOG2E;
const HALF_LN2 = 0x3fd62e42; // high words
const LN2_1_5 = 0x3ff0a2b2;

const P1 = 1.6666666666666602e-1;
const P2 = -2.7777777777015593e-3;
const P3 = 6.613756321437934e-5;
const P4 = -1.6533902205465252e-6;
const P5 = 4.1381367970572385e-8;

/** e^x to less than 1 unit in the last place. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019411) return 0;
  const high = highWord(x) & 0x7fffffff;
  let hi = x;
  let lo = 0;
  let k = 0;
  if (high > HALF_LN2) {
    if (high < LN2_1_5) k = x < 0 ? -1 : 1;
    else k = Math.trunc(INV_LN2 * x + (x < 0 ? -0.5 : 0.5));
    hi = x - k * LN2_HI;
    lo = k * LN2_LO;
    x = hi - lo;
  } else if (high < 0x3e300000) {
    return 1 + x; // |x| < 2^-28
  }
  const t = x * x;
  const c = x - t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * P5))));
  if (k === 0) return 1 - ((x * c) / (c - 2) - x);
  return scale2(1 - (lo - (x * c) / (2 - c) - hi), k);
}

const Q1 = -3.333333333333313e-2;
const Q2 = 1.5873015872548146e-3;
const Q3 = -7.93650757867488e-5;
const Q4 = 4.008217827329362e-6;
const Q5 = -2.0109921818362437e-7;

/** e^x - 1 to less than 1 unit in the last place, also where x is small. */
export function expm1(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.782712893384) return Infinity;
  if (x < -38.8162421113569) return -1; // 56 ln 2
  const high = highWord(x) & 0x7fffffff;
  let k = 0;
  let c = 0;
  if (high > HALF_LN2) {
    if (high < LN2_1_5) k = x < 0 ? -1 : 1;
    else k = Math.trunc(INV_LN2 * x + (x < 0 ? -0.5 : 0.5));
    const hi = x - k * LN2_HI;
    const lo = k * LN2_LO;
    x = hi - lo;
    c = hi - x - lo;
  } else if (high < 0x3c900000) {
    return x; // |x| < 2^-54
  }
  const hfx = 0.5 * x;
  const hxs = x * hfx;
  const r1 = 1 + hxs * (Q1 + hxs * (Q2 + hxs * (Q3 + hxs * (Q4 + hxs * Q5))));
  const t = 3 - r1 * hfx;
  let e = hxs * ((r1 - t) / (6 - x * t));
  if (k === 0) return x - (x * e - hxs);
  e = x * (e - c) - c - hxs;
  if (k === -1) return 0.5 * (x - e) - 0.5;
  if (k === 1) return x < -0.25 ? -2 * (e - (x + 0.5)) : 1 + 2 * (x - e);
  if (k <= -2 || k > 56) return scale2(1 - (e - x), k) - 1;
  const small = scale2(1, -k);
  return k < 20 ? scale2(1 - small - (e - x), k) : scale2(x - (e + small) + 1, k);
}

/** Hyperbolic tangent to about 1 unit in the last place. */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (!(a > 2.7755575615628914e-17)) return x; // |x| <= 2^-55, and NaN
  let z = 1;
  if (a < 1) {
    const t = expm1(-2 * a);
    z = -t / (t + 2);
  } else if (a < 22) {
    z = 1 - 2 / (expm1(2 * a) + 2);
  }
  return x < 0 ? -z : z;
}
