// e^x and ln x in f64 without tables: those of AssemblyScript's own are 6 kB that no compression makes smaller (strict binary deflated:
// 25.0 to 18.3 kB). The same steps as src/tensor/math/, so both backends round alike.
// Method and constants: fdlibm e_exp.c, e_log.c (Copyright 1993 Sun Microsystems, Inc. Freely usable with this notice kept).

const LN2_HI: f64 = 6.931471803691238e-1;
const LN2_LO: f64 = 1.9082149292705877e-10;
const INV_LN2: f64 = 1.4426950408889634;

function highWord(x: f64): i32 {
  return <i32>(reinterpret<u64>(x) >> 32);
}

function withHighWord(x: f64, high: i32): f64 {
  return reinterpret<f64>((reinterpret<u64>(x) & 0xffffffff) | ((<u64>(<u32>high)) << 32));
}

/** x * 2^k for |k| <= 1075, rounded once. */
function scale2(x: f64, k: i32): f64 {
  if (k > 1023) {
    x *= 8.98846567431158e307; // 2^1023
    k -= 1023;
  } else if (k < -1022) {
    x *= 2.004168360008973e-292; // 2^-969
    k += 969;
  }
  return x * reinterpret<f64>((<u64>(k + 1023)) << 52);
}

export function exp(x: f64): f64 {
  if (x != x) return x;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019411) return 0;
  const high = highWord(x) & 0x7fffffff;
  let hi = x, lo: f64 = 0, k = 0;
  if (high > 0x3fd62e42) {
    if (high < 0x3ff0a2b2) k = x < 0 ? -1 : 1;
    else k = <i32>(INV_LN2 * x + (x < 0 ? -0.5 : 0.5));
    hi = x - <f64>k * LN2_HI;
    lo = <f64>k * LN2_LO;
    x = hi - lo;
  } else if (high < 0x3e300000) return 1 + x;
  const t = x * x;
  const c = x - t * (1.6666666666666602e-1 + t * (-2.7777777777015593e-3 + t * (6.613756321437934e-5 + t * (-1.6533902205465252e-6 + t * 4.1381367970572385e-8))));
  if (k == 0) return 1 - ((x * c) / (c - 2) - x);
  return scale2(1 - (lo - (x * c) / (2 - c) - hi), k);
}

export function log(x: f64): f64 {
  if (x != x || x == Infinity) return x;
  if (x <= 0) return x == 0 ? -Infinity : NaN;
  let k = -1023, high = highWord(x);
  if (high < 0x00100000) {
    x *= 18014398509481984; // 2^54: subnormal
    k -= 54;
    high = highWord(x);
  }
  k += high >> 20;
  high &= 0xfffff;
  const up = (high + 0x95f64) & 0x100000;
  const f = withHighWord(x, high | (up ^ 0x3ff00000)) - 1;
  k += up >> 20;
  const dk = <f64>k;
  if ((0xfffff & (2 + high)) < 3) {
    if (f == 0) return dk * LN2_HI + dk * LN2_LO;
    const r = f * f * (0.5 - 0.3333333333333333 * f);
    return dk * LN2_HI - (r - dk * LN2_LO - f);
  }
  const s = f / (2 + f), z = s * s, w = z * z;
  const r = w * (3.999999999940942e-1 + w * (2.2222198432149784e-1 + w * 1.5313837699209373e-1)) +
    z * (6.666666666666735e-1 + w * (2.857142874366239e-1 + w * (1.818357216161805e-1 + w * 1.4798198605116586e-1)));
  if (((high - 0x6147a) | (0x6b851 - high)) > 0) {
    const half = 0.5 * f * f;
    return dk * LN2_HI - (half - (s * (half + r) + dk * LN2_LO) - f);
  }
  return dk * LN2_HI - (s * (f - r) - dk * LN2_LO - f);
}
