/**
 * Deterministic weights and inputs without files: the TypeScript half of scripts/reference/fill.py, bit for bit.
 * Element i (row-major in the shape's order) is a hash of the tensor's key and i, scaled by what the key says it is.
 */

function fnv1a(key: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(key)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** 24 well-mixed bits for element i of the tensor whose key hashes to seed (murmur3's fmix32). */
function bits24(seed: number, i: number): number {
  let x = (seed + Math.imul(i, 0x9e3779b9)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 8;
}

const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Uniform values in [lo, hi), computed in double and rounded once. */
export function fillRange(key: string, shape: readonly number[], lo: number, hi: number): Float32Array {
  const out = new Float32Array(elements(shape));
  const seed = fnv1a(key);
  const span = hi - lo;
  for (let i = 0; i < out.length; i++) out[i] = lo + span * (bits24(seed, i) / 16777216);
  return out;
}

function bounds(key: string, shape: readonly number[], plain: boolean): [lo: number, hi: number] {
  const last = key.slice(key.lastIndexOf(".") + 1);
  if (last === "num_batches_tracked") return [0, 0];
  if (last === "running_var") return [0.5, 1.5];
  if (last === "bias" || last === "running_mean") return [-0.1, 0.1];
  if (shape.length > 1) {
    const b = Math.sqrt(6 / elements(shape.slice(1)));
    return [-b, b];
  }
  if (!plain && (key.endsWith("bn2.weight") || key.endsWith("bn3.weight"))) return [0.1, 0.5];
  return [0.5, 1.5];
}

/**
 * The values of the parameter or buffer `key` (a checkpoint key such as `layer1.0.bn2.running_var`) with this shape.
 * Convolution and linear weights keep the variance; the last batch norm of a residual branch is smaller than one, so
 * that deep networks do not explode, but not in a plain network (`plain`), which would vanish.
 */
export function fillTensor(key: string, shape: readonly number[], plain = false): Float32Array {
  return fillRange(key, shape, ...bounds(key, shape, plain));
}

/** A picture-like input, row-major N, C, H, W: a coarse pattern of about 7x7 cells in [-2, 2) and fine noise. */
export function fillInput(shape: readonly [number, number, number, number], key = "input"): Float32Array {
  const [n, c, h, w] = shape;
  const cell = Math.ceil(h / 7);
  const rows = Math.ceil(h / cell);
  const columns = Math.ceil(w / cell);
  const coarse = fillRange(`${key}.coarse`, [n, c, rows, columns], -2, 2);
  const out = fillRange(key, shape, -0.5, 0.5);
  for (let i = 0; i < out.length; i++) {
    const x = i % w;
    const y = Math.floor(i / w) % h;
    const plane = Math.floor(i / (w * h));
    const at = (plane * rows + Math.floor(y / cell)) * columns + Math.floor(x / cell);
    out[i] = (out[i] as number) + (coarse[at] as number);
  }
  return out;
}

/** Class numbers in [0, classes). */
export function fillLabels(count: number, classes: number, key = "labels"): Int32Array {
  const seed = fnv1a(key);
  return Int32Array.from({ length: count }, (_, i) => bits24(seed, i) % classes);
}
