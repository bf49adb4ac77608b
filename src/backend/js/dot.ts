/**
 * The product of matrices under `conv2d` and `linear`: dot products of rows, in 64-bit floats. A product of two 32-bit
 * floats is exact in 64 bits, and every sum runs over k = 0, 1, 2 …, starting from the bias, whatever the tile: the
 * result depends on nothing but the values.
 *
 * Four rows of `a` against two rows of `b` at a time: eight running sums fit the 16 registers of x86-64 with room for
 * operands (V8, k = 576, 64 columns: 2.3 to 3 times as fast as one sum at a time).
 */
export const rowsPerTile = 4;

/**
 * sums[r * m + j] = start[j] + Σ_k a[r * k + …] · b[j * k + …] for the four rows r and all j in [0, m).
 * @param a four rows of k values
 * @param b m rows of k values, from index `bOffset`
 * @param start m values from index `startOffset`, or null for zeros
 * @param sums four rows of m values
 */
export function dotRows(
  a: Float64Array,
  b: Float32Array,
  bOffset: number,
  k: number,
  m: number,
  start: Float32Array | null,
  startOffset: number,
  sums: Float64Array,
): void {
  const a1 = k;
  const a2 = 2 * k;
  const a3 = 3 * k;
  let j = 0;
  for (; j + 2 <= m; j += 2) {
    const from = bOffset + j * k;
    const s = start === null ? 0 : start[startOffset + j]!;
    const t = start === null ? 0 : start[startOffset + j + 1]!;
    let s0 = s;
    let s1 = s;
    let s2 = s;
    let s3 = s;
    let t0 = t;
    let t1 = t;
    let t2 = t;
    let t3 = t;
    for (let i = 0; i < k; i++) {
      const p = b[from + i]!;
      const q = b[from + k + i]!;
      const x0 = a[i]!;
      const x1 = a[a1 + i]!;
      const x2 = a[a2 + i]!;
      const x3 = a[a3 + i]!;
      s0 += x0 * p;
      t0 += x0 * q;
      s1 += x1 * p;
      t1 += x1 * q;
      s2 += x2 * p;
      t2 += x2 * q;
      s3 += x3 * p;
      t3 += x3 * q;
    }
    sums[j] = s0;
    sums[j + 1] = t0;
    sums[m + j] = s1;
    sums[m + j + 1] = t1;
    sums[2 * m + j] = s2;
    sums[2 * m + j + 1] = t2;
    sums[3 * m + j] = s3;
    sums[3 * m + j + 1] = t3;
  }
  if (j < m) {
    const from = bOffset + j * k;
    const s = start === null ? 0 : start[startOffset + j]!;
    let s0 = s;
    let s1 = s;
    let s2 = s;
    let s3 = s;
    for (let i = 0; i < k; i++) {
      const p = b[from + i]!;
      s0 += a[i]! * p;
      s1 += a[a1 + i]! * p;
      s2 += a[a2 + i]! * p;
      s3 += a[a3 + i]! * p;
    }
    sums[j] = s0;
    sums[m + j] = s1;
    sums[2 * m + j] = s2;
    sums[3 * m + j] = s3;
  }
}

/**
 * The end of conv2d and linear: y = sum, plus the residual, then max(0, y), rounded to 32 bits once.
 * @param to first index in `y` (and in `residual`) of `count` values that lie together
 */
export function finish(
  sums: Float64Array,
  from: number,
  y: Float32Array,
  to: number,
  count: number,
  residual: Float32Array | null,
  relu: boolean,
): void {
  for (let j = 0; j < count; j++) {
    let v = sums[from + j]!;
    if (residual !== null) v += residual[to + j]!;
    y[to + j] = relu && v <= 0 ? 0 : v; // NaN <= 0 is false: NaN stays
  }
}
