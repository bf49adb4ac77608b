/**
 * What one thread can do at most with separate multiplications and additions of four floats (strict mode): twelve
 * independent sums in registers, no memory. Everything else is measured against it, in the same minute on the same machine.
 */
const chains = 12;
const v128 = 0x7b;
const i32 = 0x7f;
const f32 = 0x7d;

const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)]);
const section = (id: number, body: readonly number[]): number[] => [id, ...leb(body.length), ...body];
const splat = (value: number): number[] => [0x43, ...new Uint8Array(Float32Array.of(value).buffer), 0xfd, 0x13];

/** (n) => { do { sum[i] = sum[i] * c + d for all i } while (--n); return a lane } */
function loop(): number[] {
  const c = 1 + chains;
  const d = c + 1;
  const code: number[] = [1, chains + 2, v128]; // locals 1 … chains are the sums; 0 is n
  for (let i = 1; i <= chains; i++) code.push(...splat(i), 0x21, i);
  code.push(...splat(0.999), 0x21, c, ...splat(0.001), 0x21, d, 0x03, 0x40);
  for (let i = 1; i <= chains; i++) {
    code.push(0x20, i, 0x20, c, 0xfd, 0xe6, 0x01, 0x20, d, 0xfd, 0xe4, 0x01, 0x21, i);
  }
  code.push(0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 1);
  for (let i = 2; i <= chains; i++) code.push(0x20, i, 0xfd, 0xe4, 0x01);
  code.push(0xfd, 0x1f, 0, 0x0b);
  return code;
}

function binary(): Uint8Array<ArrayBuffer> {
  const body = loop();
  return Uint8Array.from([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, i32, 1, f32]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, 112, 0, 0]), // export "p"
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

/** GFLOP/s: the best of many runs so short that other programs seldom interrupt one. */
export async function measurePeak(): Promise<number> {
  const { instance } = await WebAssembly.instantiate(binary());
  const run = instance.exports.p as (n: number) => number;
  const n = 100_000;
  const end = performance.now() + 400;
  let best = Number.POSITIVE_INFINITY;
  while (performance.now() < end) {
    const started = performance.now();
    run(n);
    best = Math.min(best, performance.now() - started);
  }
  return (n * chains * 8) / best / 1e6;
}
