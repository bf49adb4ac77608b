import { highWord, withHighWord } from "./bits.ts";

// Method and constants: fdlibm e_log.c, s_log1p.c
// (Copyright 1993 Sun Microsystems, Inc. Freely usable with this notice kept).

const LN2_HI = 6.931471803691238e-1;
const LN2_LO = 1.9082149292705877e-10;
const TWO_54 = 18014398509481984;

// log(1 + f) = f - s (f - R), s = f / (2 + f), R a polynomial in s^2.
const L1 = 6.666666666666735e-1;
const L2 = 3.999999999940942e-1;
const L3 = 2.857142874366239e-1;
const L4 = 2.2222198432149784e-1;
const L5 = 1.818357216161805e-1;
const L6 = 1.5313837699209373e-1;
const L7 = 1.4798198605116586e-1;

/** Natural logarithm to less than 1 unit in the last place. NaN below 0, -Infinity at 0. */
export function log(x: number): number {
  if (Number.isNaN(x) || x === Infinity) return x;
  if (x <= 0) return x === 0 ? -Infinity : NaN;
  let k = -1023;
  let high = highWord(x);
  if (high < 0x00100000) {
    x *= TWO_54; // subnormal
    k -= 54;
    high = highWord(x);
  }
  k += high >> 20;
  high &= 0xfffff;
  const up = (high + 0x95f64) & 0x100000; // fraction above sqrt 2: take x / 2
  const f = withHighWord(x, high | (up ^ 0x3ff00000)) - 1;
  k += up >> 20;
  if ((0xfffff & (2 + high)) < 3) {
    // |f| < 2^-20
    if (f === 0) return k * LN2_HI + k * LN2_LO;
    const r = f * f * (0.5 - 0.3333333333333333 * f);
    return k * LN2_HI - (r - k * LN2_LO - f);
  }
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const r = w * (L2 + w * (L4 + w * L6)) + z * (L1 + w * (L3 + w * (L5 + w * L7)));
  if (((high - 0x6147a) | (0x6b851 - high)) > 0) {
    const half = 0.5 * f * f;
    return k * LN2_HI - (half - (s * (half + r) + k * LN2_LO) - f);
  }
  return k * LN2_HI - (s * (f - r) - k * LN2_LO - f);
}

/** log(1 + x) to less than 1 unit in the last place, also where x is small. NaN below -1. */
export function log1p(x: number): number {
  if (Number.isNaN(x) || x === Infinity) return x;
  if (x <= -1) return x === -1 ? -Infinity : NaN;
  const absolute = Math.abs(x);
  if (absolute < 1.862645149230957e-9) return absolute < 5.551115123125783e-17 ? x : x - x * x * 0.5; // 2^-29, 2^-54
  let k = 0;
  let f = x;
  let c = 0; // what 1 + x lost to rounding, divided by 1 + x
  let fraction = 1;
  if (x <= -0.2928932188134524 || x >= 0.41421356237309503) {
    let u = x;
    if (x < 9007199254740992) {
      u = 1 + x;
      fraction = highWord(u);
      k = (fraction >> 20) - 1023;
      c = (k > 0 ? 1 - (u - x) : x - (u - 1)) / u;
    } else {
      fraction = highWord(u);
      k = (fraction >> 20) - 1023;
    }
    fraction &= 0xfffff;
    if (fraction < 0x6a09e) {
      u = withHighWord(u, fraction | 0x3ff00000);
    } else {
      k += 1;
      u = withHighWord(u, fraction | 0x3fe00000);
      fraction = (0x100000 - fraction) >> 2;
    }
    f = u - 1;
  }
  const half = 0.5 * f * f;
  if (fraction === 0) {
    // |f| < 2^-20
    if (f === 0) return k * LN2_HI + (c + k * LN2_LO);
    const r = half * (1 - 0.6666666666666666 * f);
    return k * LN2_HI - (r - (k * LN2_LO + c) - f);
  }
  const s = f / (2 + f);
  const z = s * s;
  const r = z * (L1 + z * (L2 + z * (L3 + z * (L4 + z * (L5 + z * (L6 + z * L7))))));
  if (k === 0) return f - (half - s * (half + r));
  return k * LN2_HI - (half - (s * (half + r) + (k * LN2_LO + c)) - f);
}
