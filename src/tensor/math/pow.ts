import { highWord, scale2, truncateLow, withHighWord } from "./bits.ts";

// Method and constants: fdlibm e_pow.c
// (Copyright 1993 Sun Microsystems, Inc. Freely usable with this notice kept).

const TWO_53 = 9007199254740992;
const DP_H = 5.849624872207642e-1; // log2(1.5) in two parts
const DP_L = 1.350039202129749e-8;
const L1 = 5.999999999999946e-1;
const L2 = 4.285714285785502e-1;
const L3 = 3.3333332981837743e-1;
const L4 = 2.72728123808534e-1;
const L5 = 2.3066074577556175e-1;
const L6 = 2.0697501780033842e-1;
const P1 = 1.6666666666666602e-1;
const P2 = -2.7777777777015593e-3;
const P3 = 6.613756321437934e-5;
const P4 = -1.6533902205465252e-6;
const P5 = 4.1381367970572385e-8;
const LG2 = Math.LN2;
const LG2_H = 6.931471824645996e-1;
const LG2_L = -1.904654299957768e-9;
const OVERFLOW_TAIL = 8.008566259537294e-17; // -(1024 - log2(largest + half a unit))
const CP = 9.617966939259756e-1; // 2 / (3 ln 2)
const CP_H = 9.617967009544373e-1;
const CP_L = -7.028461650952758e-9;
const INV_LN2 = Math.LOG2E;
const INV_LN2_H = 1.4426950216293335;
const INV_LN2_L = 1.9259629911266175e-8;

/**
 * x^y to less than 1 unit in the last place, with the special cases of `Math.pow`
 * (`pow(x, 0)` is 1 also for NaN; `pow(1, Infinity)` is NaN).
 */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
  const ax = Math.abs(x);
  const ay = Math.abs(y);
  if (ay === Infinity) return ax === 1 ? NaN : ax > 1 === y > 0 ? Infinity : 0;
  const whole = ay >= TWO_53 || Math.floor(y) === y;
  const odd = whole && ay < TWO_53 && y - 2 * Math.floor(y / 2) !== 0;
  const sign = odd && (x < 0 || Object.is(x, -0)) ? -1 : 1;
  if (ax === 0 || ax === Infinity) return sign * ((ax === 0) === y > 0 ? 0 : Infinity);
  if (x < 0 && !whole) return NaN;
  if (ax === 1) return sign;
  if (y === 1) return x;
  if (y === -1) return 1 / x;
  if (y === 2) return x * x;
  if (y === 0.5) return Math.sqrt(x);
  return sign * power(ax, y, ay);
}

/** The positive case: log2(x) as a pair t1 + t2 of more than 64 bits, times y, then 2^(n + r). */
function power(ax: number, y: number, ay: number): number {
  let t1: number;
  let t2: number;
  if (ay > 2147483648) {
    // Only bases within 2^-20 of 1 keep away from overflow and underflow.
    if (ax < 0.9999990463256836) return y < 0 ? Infinity : 0;
    if (ax > 1.000000953674316) return y > 0 ? Infinity : 0;
    const t = ax - 1;
    const w = t * t * (0.5 - t * (0.3333333333333333 - t * 0.25));
    const u = INV_LN2_H * t;
    const v = t * INV_LN2_L - w * INV_LN2;
    t1 = truncateLow(u + v);
    t2 = v - (t1 - u);
  } else {
    let n = -1023;
    let high = highWord(ax);
    if (high < 0x00100000) {
      ax *= TWO_53;
      n -= 53;
      high = highWord(ax);
    }
    n += high >> 20;
    const fraction = high & 0xfffff;
    high = fraction | 0x3ff00000;
    let near1_5 = false; // which of 1 and 1.5 the fraction is compared with
    if (fraction > 0x3988e) {
      if (fraction < 0xbb67a) {
        near1_5 = true;
      } else {
        n += 1;
        high -= 0x00100000;
      }
    }
    ax = withHighWord(ax, high);
    const bp = near1_5 ? 1.5 : 1;
    const u = ax - bp;
    const v = 1 / (ax + bp);
    const ss = u * v;
    const sh = truncateLow(ss);
    const th = withHighWord(0, ((high >> 1) | 0x20000000) + 0x00080000 + (near1_5 ? 1 << 18 : 0));
    const tl = ax - (th - bp);
    const sl = v * (u - sh * th - sh * tl);
    const s2 = ss * ss;
    const sh2 = sh * sh;
    const r = s2 * s2 * (L1 + s2 * (L2 + s2 * (L3 + s2 * (L4 + s2 * (L5 + s2 * L6))))) + sl * (sh + ss);
    const rh = truncateLow(3 + sh2 + r);
    const rl = r - (rh - 3 - sh2);
    const pu = sh * rh;
    const pv = sl * rh + rl * ss;
    const ph = truncateLow(pu + pv);
    const pl = pv - (ph - pu);
    const zh = CP_H * ph;
    const zl = CP_L * ph + pl * CP + (near1_5 ? DP_L : 0);
    const dp = near1_5 ? DP_H : 0;
    t1 = truncateLow(zh + zl + dp + n);
    t2 = zl - (t1 - n - dp - zh);
  }

  const y1 = truncateLow(y);
  const low = (y - y1) * t1 + y * t2;
  let high = y1 * t1;
  const z = low + high;
  if (z >= 1024 && (z > 1024 || low + OVERFLOW_TAIL > z - high)) return Infinity;
  if (z <= -1075 && (z < -1075 || low <= z - high)) return 0;
  const n = Math.floor(z + 0.5);
  high -= n;
  const t = truncateLow(low + high);
  const u = t * LG2_H;
  const v = (low - (t - high)) * LG2 + t * LG2_L;
  const s = u + v;
  const w = v - (s - u);
  const q = s * s;
  const c = s - q * (P1 + q * (P2 + q * (P3 + q * (P4 + q * P5))));
  const r = (s * c) / (c - 2) - (w + s * w);
  return scale2(1 - (r - s), n);
}
