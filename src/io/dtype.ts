import { f16Table } from "./half.ts";

/** Element types of checkpoints, by their safetensors names. */
export type Dtype =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U64"
  | "U32"
  | "U16"
  | "U8"
  | "BOOL";

/** Bytes of one element. */
export const itemSize: Readonly<Record<Dtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(itemSize, name);
}

export function isFloating(dtype: Dtype): boolean {
  return dtype === "F64" || dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

/** Files are little-endian; is this machine? */
export const hostIsLittleEndian: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Reverses the bytes of each element, in place. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; size > 1 && at + size <= bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

/**
 * Elements in the host's byte order to f32, rounded to nearest. Integers become numbers, booleans 0 and 1.
 * `bytes` is the caller's own, at an offset that suits the element.
 */
export function decode(dtype: Dtype, bytes: Uint8Array, target: Float32Array): void {
  const { buffer, byteOffset } = bytes;
  const count = target.length;
  const bits = new Uint32Array(target.buffer, target.byteOffset, count);
  switch (dtype) {
    case "F32":
      bits.set(new Uint32Array(buffer, byteOffset, count));
      return;
    case "F16": {
      const table = f16Table();
      const half = new Uint16Array(buffer, byteOffset, count);
      for (let i = 0; i < count; i++) bits[i] = table[half[i]!]!;
      return;
    }
    case "BF16": {
      const half = new Uint16Array(buffer, byteOffset, count);
      for (let i = 0; i < count; i++) bits[i] = half[i]! << 16;
      return;
    }
    case "F64":
      target.set(new Float64Array(buffer, byteOffset, count));
      return;
    case "I64":
    case "U64": {
      const low = new Uint32Array(buffer, byteOffset, 2 * count);
      const high = dtype === "I64" ? new Int32Array(buffer, byteOffset, 2 * count) : low;
      const lowAt = hostIsLittleEndian ? 0 : 1;
      for (let i = 0; i < count; i++) target[i] = high[2 * i + 1 - lowAt]! * 2 ** 32 + low[2 * i + lowAt]!;
      return;
    }
    case "I32":
      target.set(new Int32Array(buffer, byteOffset, count));
      return;
    case "I16":
      target.set(new Int16Array(buffer, byteOffset, count));
      return;
    case "I8":
      target.set(new Int8Array(buffer, byteOffset, count));
      return;
    case "U32":
      target.set(new Uint32Array(buffer, byteOffset, count));
      return;
    case "U16":
      target.set(new Uint16Array(buffer, byteOffset, count));
      return;
    case "U8":
      target.set(bytes);
      return;
    case "BOOL":
      for (let i = 0; i < count; i++) target[i] = bytes[i] === 0 ? 0 : 1;
  }
}
