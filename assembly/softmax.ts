import { exp, log as ln } from "./elementary";
import { SOFTMAX_K, SOFTMAX_LOG, SOFTMAX_X, SOFTMAX_Y } from "./generated/records";

/**
 * Softmax or its logarithm over one row. exp and log are in the binary, so its bits do not
 * depend on the engine. Sums are in f64.
 */
export function softmax(r: usize, tile: i32): void {
  const k = load<i32>(r, SOFTMAX_K),
    row = (<usize>(tile * k)) << 2;
  const x = load<usize>(r, SOFTMAX_X) + row,
    y = load<usize>(r, SOFTMAX_Y) + row,
    end = (<usize>k) << 2;
  let largest: f32 = -f32.MAX_VALUE - f32.MAX_VALUE;
  for (let i: usize = 0; i < end; i += 4) {
    const v = f32.load(x + i);
    if (!(v <= largest)) largest = v; // a NaN gets in and stays
  }
  let sum: f64 = 0;
  for (let i: usize = 0; i < end; i += 4) sum += exp(<f64>f32.load(x + i) - <f64>largest);
  if (load<i32>(r, SOFTMAX_LOG)) {
    const shift = <f64>largest + ln(sum);
    for (let i: usize = 0; i < end; i += 4) f32.store(y + i, <f32>(<f64>f32.load(x + i) - shift));
  } else {
    for (let i: usize = 0; i < end; i += 4)
      f32.store(y + i, <f32>(exp(<f64>f32.load(x + i) - <f64>largest) / sum));
  }
}
