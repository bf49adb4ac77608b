import type { View } from "../backend.ts";

/** The values of an input or output in storage order (4-D: n, h, w, c). */
export function floats(view: View | null | undefined): Float32Array {
  return view!.storage.handle as Float32Array;
}

/** The values of an input that may be left out. */
export function optionalFloats(view: View | null | undefined): Float32Array | null {
  return view ? (view.storage.handle as Float32Array) : null;
}
