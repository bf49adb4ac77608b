/**
 * The two 32-bit halves of an f64. Little-endian, as every engine with WebAssembly is.
 * One shared cell: V8, SpiderMonkey and JavaScriptCore turn the store and load into register moves.
 */
const F64 = /* @__PURE__ */ new Float64Array(1);
const I32 = /* @__PURE__ */ new Int32Array(F64.buffer);

/** Sign, exponent and the upper 20 bits of the fraction, as a signed 32-bit integer. */
export function highWord(x: number): number {
  F64[0] = x;
  return I32[1]!;
}

/** The lower 32 bits of the fraction, as a signed 32-bit integer. */
export function lowWord(x: number): number {
  F64[0] = x;
  return I32[0]!;
}

/** The number with these two halves. */
export function fromWords(high: number, low: number): number {
  I32[1] = high;
  I32[0] = low;
  return F64[0]!;
}

/** `x` with its upper half replaced. */
export function withHighWord(x: number, high: number): number {
  F64[0] = x;
  I32[1] = high;
  return F64[0]!;
}

/** `x` with the lower 32 bits of the fraction cleared: a value of at most 21 bits, whose products are exact. */
export function truncateLow(x: number): number {
  F64[0] = x;
  I32[0] = 0;
  return F64[0]!;
}

const TWO_1023 = 8.98846567431158e307;
const TWO_M969 = 2.004168360008973e-292; // 53 above the smallest normal exponent: only the last step can round

/** `x * 2^k`, rounded once, for any integer k. */
export function scale2(x: number, k: number): number {
  for (let i = 0; i < 2 && k > 1023; i++) {
    x *= TWO_1023;
    k -= 1023;
  }
  for (let i = 0; i < 2 && k < -1022; i++) {
    x *= TWO_M969;
    k += 969;
  }
  return x * fromWords((Math.max(-1022, Math.min(k, 1023)) + 1023) << 20, 0);
}
