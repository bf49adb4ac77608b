// Half and bfloat16, as bit patterns. NaN payloads survive where they fit.

const scratch = new DataView(new ArrayBuffer(4));

let table: Uint32Array | undefined;

/** The 65,536 f32 bit patterns of all f16 values (256 KiB, made on first use). */
export function f16Table(): Uint32Array {
  if (table !== undefined) return table;
  table = new Uint32Array(65536);
  for (let bits = 0; bits < 65536; bits++) table[bits] = widenF16(bits);
  return table;
}

function widenF16(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent > 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
  scratch.setFloat32(0, fraction * 2 ** -24); // subnormal or zero: exact in f32
  return (sign | scratch.getInt32(0)) >>> 0;
}

/** f32 bits to f16 bits, to nearest, ties to even; too large becomes infinity. */
export function narrowF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
  if (magnitude >= 0x38800000) {
    const rebiased = magnitude - 0x38000000; // exponent 127 -> 15; the carry of the rounding may raise it by one
    return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
  }
  if (magnitude < 0x33000000) return sign; // below half of the smallest subnormal
  const shift = 126 - (magnitude >>> 23); // 14 .. 24
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const half = 1 << (shift - 1);
  return sign | ((mantissa + half - 1 + ((mantissa >>> shift) & 1)) >>> shift);
}

/** f32 bits to bfloat16 bits, to nearest, ties to even. */
export function narrowBF16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
