// Filters to the form that winograd.ts reads: G g Gᵀ in 64 bits, times the factor of a folded batch norm, rounded once.
import {
  WINOGRAD_PACK_BIAS, WINOGRAD_PACK_C, WINOGRAD_PACK_OC, WINOGRAD_PACK_PACKED, WINOGRAD_PACK_SCALE, WINOGRAD_PACK_WEIGHT,
} from "./generated/records";

/** Two output channels of one weight, as doubles. */
// @ts-expect-error: decorator
@inline
function pair(low: usize, high: usize, scale: v128): v128 {
  return f64x2.mul(f64x2.replace_lane(f64x2.splat(<f64>f32.load(low)), 1, <f64>f32.load(high)), scale);
}

// @ts-expect-error: decorator
@inline
function emit(to: usize, step: usize, v: v128): void {
  v128.store64_lane(to + step, f32x4.demote_f64x2_zero(v), 0);
}

/** A panel of 8 output channels: 8 bias values, then 36 positions of [c rounded up to 4][8]. */
export function winogradPack(r: usize, panel: i32): void {
  const c = load<i32>(r, WINOGRAD_PACK_C), oc = load<i32>(r, WINOGRAD_PACK_OC), k = (c + 3) & ~3;
  const step = (<usize>k) << 5, bias = load<usize>(r, WINOGRAD_PACK_BIAS), scales = load<usize>(r, WINOGRAD_PACK_SCALE);
  const out = load<usize>(r, WINOGRAD_PACK_PACKED) + <usize>panel * (36 * step + 32);
  const first = panel << 3, rowBytes = (<usize>c) << 2, filterBytes: usize = 9 * rowBytes;
  const weight = load<usize>(r, WINOGRAD_PACK_WEIGHT);
  memory.fill(out, 0, 36 * step + 32);
  for (let j = 0; j < 8 && first + j < oc; j++) {
    if (bias) f32.store(out + (j << 2), f32.load(bias + ((first + j) << 2)));
  }
  for (let j = 0; j < 8 && first + j < oc; j += 2) {
    const o0 = first + j, o1 = min(o0 + 1, oc - 1), there = o0 + 1 < oc;
    let scale = f64x2.splat(1);
    if (scales) scale = f64x2.replace_lane(f64x2.splat(f64.load(scales + (o0 << 3))), 1, f64.load(scales + (o1 << 3)));
    if (!there) scale = f64x2.replace_lane(scale, 1, 0);
    const w0 = weight + <usize>o0 * filterBytes, w1 = weight + <usize>o1 * filterBytes;
    for (let ch = 0; ch < c; ch++) {
      const at = (<usize>ch) << 2;
      let to = out + 32 + ((<usize>ch) << 5) + (j << 2);
      const g00 = pair(w0 + at, w1 + at, scale), g01 = pair(w0 + at + rowBytes, w1 + at + rowBytes, scale);
      const g02 = pair(w0 + at + 2 * rowBytes, w1 + at + 2 * rowBytes, scale);
      const g10 = pair(w0 + at + 3 * rowBytes, w1 + at + 3 * rowBytes, scale);
      const g11 = pair(w0 + at + 4 * rowBytes, w1 + at + 4 * rowBytes, scale);
      const g12 = pair(w0 + at + 5 * rowBytes, w1 + at + 5 * rowBytes, scale);
      const g20 = pair(w0 + at + 6 * rowBytes, w1 + at + 6 * rowBytes, scale);
      const g21 = pair(w0 + at + 7 * rowBytes, w1 + at + 7 * rowBytes, scale);
      const g22 = pair(w0 + at + 8 * rowBytes, w1 + at + 8 * rowBytes, scale);
      const sixth = f64x2.splat(1.0 / 6.0), half = f64x2.splat(0.5), quarter = f64x2.splat(0.25), small = f64x2.splat(1.0 / 24.0);
      row(to, step, f64x2.mul(g00, quarter), f64x2.mul(g01, quarter), f64x2.mul(g02, quarter));
      const a0 = f64x2.mul(f64x2.add(g00, g20), sixth), a1 = f64x2.mul(f64x2.add(g01, g21), sixth);
      const a2 = f64x2.mul(f64x2.add(g02, g22), sixth);
      const b0 = f64x2.mul(g10, sixth), b1 = f64x2.mul(g11, sixth), b2 = f64x2.mul(g12, sixth);
      to += 6 * step;
      row(to, step, f64x2.neg(f64x2.add(a0, b0)), f64x2.neg(f64x2.add(a1, b1)), f64x2.neg(f64x2.add(a2, b2)));
      to += 6 * step;
      row(to, step, f64x2.sub(b0, a0), f64x2.sub(b1, a1), f64x2.sub(b2, a2));
      const e0 = f64x2.add(f64x2.mul(g00, small), f64x2.mul(g20, sixth)), f0 = f64x2.mul(b0, half);
      const e1 = f64x2.add(f64x2.mul(g01, small), f64x2.mul(g21, sixth)), f1 = f64x2.mul(b1, half);
      const e2 = f64x2.add(f64x2.mul(g02, small), f64x2.mul(g22, sixth)), f2 = f64x2.mul(b2, half);
      to += 6 * step;
      row(to, step, f64x2.add(e0, f0), f64x2.add(e1, f1), f64x2.add(e2, f2));
      to += 6 * step;
      row(to, step, f64x2.sub(e0, f0), f64x2.sub(e1, f1), f64x2.sub(e2, f2));
      to += 6 * step;
      row(to, step, g20, g21, g22);
    }
  }
}

/** Six results of G times three values, rounded to 32 bits. */
function row(to: usize, step: usize, g0: v128, g1: v128, g2: v128): void {
  const sixth = f64x2.splat(1.0 / 6.0);
  const a = f64x2.mul(f64x2.add(g0, g2), sixth), b = f64x2.mul(g1, sixth);
  const e = f64x2.add(f64x2.mul(g0, f64x2.splat(1.0 / 24.0)), f64x2.mul(g2, sixth)), f = f64x2.mul(b, f64x2.splat(0.5));
  emit(to, 0, f64x2.mul(g0, f64x2.splat(0.25)));
  emit(to, step, f64x2.neg(f64x2.add(a, b)));
  emit(to, 2 * step, f64x2.sub(b, a));
  emit(to, 3 * step, f64x2.add(e, f));
  emit(to, 4 * step, f64x2.sub(e, f));
  emit(to, 5 * step, g2);
}
