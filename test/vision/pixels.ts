import { createHash } from "node:crypto";

/** Repeatable pixels; scripts/reference/vision_resize.py has the twin of this generator. */
export function pixels(seed: number, count: number): Uint8Array {
  const out = new Uint8Array(count);
  let x = seed === 0 ? 1 : seed;
  for (let i = 0; i < count; i++) {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    out[i] = x % 6 === 0 ? 0 : x % 6 === 3 ? 255 : (x >>> 8) & 255;
  }
  return out;
}

/** The first half of the SHA-256 in hexadecimal digits: enough to tell two pictures apart, short enough to commit. */
export const sha = (data: ArrayBufferView): string =>
  createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex")
    .slice(0, 32);
