import type { Sha256 } from "./cacheStore.ts";

// FIPS 180-4, for places whose own SHA-256 takes only whole files (WebCrypto) or is missing (pages without HTTPS).

/** First 32 bits of the fractional parts of the roots of the first primes, by exact integer arithmetic. */
function primeRoots(count: number, root: 2 | 3): Uint32Array {
  const result = new Uint32Array(count);
  for (let n = 2, found = 0; found < count; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (!prime) continue;
    // The largest x with x^root <= n * 2^(32 root), found bit by bit.
    const target = BigInt(n) << BigInt(32 * root);
    let x = 0n;
    for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) if ((x + bit) ** BigInt(root) <= target) x += bit;
    result[found++] = Number(x & 0xffffffffn);
  }
  return result;
}

let constants: { readonly initial: Uint32Array; readonly k: Uint32Array } | undefined;

export function createSha256(): Sha256 {
  constants ??= { initial: primeRoots(8, 2), k: primeRoots(64, 3) };
  const state = constants.initial.slice();
  const k = constants.k;
  const w = new Uint32Array(64);
  const block = new Uint8Array(64);
  const view = new DataView(block.buffer);
  let filled = 0;
  let length = 0;

  const compress = () => {
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(4 * i);
    for (let i = 16; i < 64; i++) {
      const [x, y] = [w[i - 15]!, w[i - 2]!];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i]! + w[i]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    const sums = [a, b, c, d, e, f, g, h];
    for (let i = 0; i < 8; i++) state[i] = (state[i]! + sums[i]!) | 0;
  };

  const update = (bytes: Uint8Array) => {
    length += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(64 - filled, bytes.length - at);
      block.set(bytes.subarray(at, at + count), filled);
      filled += count;
      at += count;
      if (filled === 64) {
        compress();
        filled = 0;
      }
    }
  };

  const hex = () => {
    const bits = BigInt(length) * 8n;
    const padding = new Uint8Array(((119 - (length % 64)) % 64) + 1);
    padding[0] = 0x80;
    update(padding);
    view.setBigUint64(56, bits);
    compress();
    return Array.from(state, (word) => word.toString(16).padStart(8, "0")).join("");
  };

  return { update, hex };
}
