import { ArgumentError, FileFormatError, OutOfMemoryError } from "../errors.ts";
import { type Dtype, decode, hostIsLittleEndian, itemSize, swapBytes } from "./dtype.ts";
import { showShape } from "./quote.ts";
import { type ByteSource, checkRange } from "./source.ts";
import type { CheckpointTensor } from "./stateDict.ts";

/** Bytes of a file that hold elements of one type. */
export interface Storage {
  readonly source: ByteSource;
  readonly dtype: Dtype;
  /** Of the first element, in bytes. */
  readonly offset: number;
  /** In elements. */
  readonly length: number;
  readonly bigEndian?: boolean;
}

/** What is decoded at a time, in bytes. Large enough for the disk, small next to a tensor. */
const SLICE = 1 << 18;

/** A strided view that spans no more than this, in bytes, is read at once. */
const GATHER = 1 << 20;

/** One slice for all: a fresh one for each tensor would be 100 MB of garbage in a large file, which engines let lie. */
let slice: Uint8Array<ArrayBuffer> | undefined;

/** A view that shows elements more than once (stride 0) may be this much larger than its storage, in elements. */
const MAX_EXPANDED = 1 << 24;

/** PyTorch's own limit. */
export const MAX_RANK = 64;

/** Product of the sizes; undefined where a size is no whole number or the product none that a number holds. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return undefined;
    count *= size;
    // A later 0 would make it small again, but nobody means a shape like [2^60, 0].
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= Math.max(shape[d]!, 1);
  }
  return strides;
}

/** Distance of the first to the last element, plus one; 0 when there are none. */
function span(shape: readonly number[], strides: readonly number[]): number {
  let last = 0;
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] === 0) return 0;
    last += (shape[d]! - 1) * strides[d]!;
  }
  return last + 1;
}

function allocate(bytes: number, what: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new OutOfMemoryError(what, { asked: bytes, cause });
  }
}

/** A strided view of a storage. Everything is checked when it is made, so that reading only reads. */
export class FileTensor implements CheckpointTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly #storage: Storage;
  readonly #start: number;
  readonly #strides: readonly number[];
  readonly #count: number;
  readonly #contiguous: boolean;

  /**
   * @param start first element, counted in the storage
   * @param strides in elements; row-major when left out
   * @param label what messages call the tensor
   */
  constructor(storage: Storage, shape: readonly number[], label: string, start = 0, strides?: readonly number[]) {
    const steps = strides ?? rowMajor(shape);
    const fail = (message: string): never => {
      const view = `shape ${showShape(shape)}, stride ${showShape(steps)}, offset ${start}`;
      throw new FileFormatError(storage.source.name, `${label}: ${message} (${view})`);
    };
    if (shape.length > MAX_RANK) fail(`has ${shape.length} dimensions; at most ${MAX_RANK} are allowed`);
    const count = elementCount(shape) ?? fail("the shape is not one that memory can hold");
    if (steps.length !== shape.length || !steps.every((s) => Number.isSafeInteger(s) && s >= 0)) {
      fail("the strides do not fit the shape");
    }
    const reach = span(shape, steps);
    if (!Number.isSafeInteger(start) || start < 0 || !(start + reach <= storage.length)) {
      fail(`reaches outside its storage of ${storage.length} elements`);
    }
    if (count > Math.max(storage.length, MAX_EXPANDED)) fail(`is far larger than its storage of ${storage.length}`);
    checkRange(storage.source, storage.offset, storage.length * itemSize[storage.dtype]);
    this.dtype = storage.dtype;
    this.shape = Object.freeze([...shape]);
    this.#storage = storage;
    this.#start = start;
    this.#strides = steps;
    this.#count = count;
    this.#contiguous = rowMajor(shape).every((s, d) => s === steps[d] || shape[d]! <= 1) || count === 0;
  }

  read(): Float32Array<ArrayBuffer> {
    const values = new Float32Array(allocate(4 * this.#count, this.#storage.source.name).buffer);
    this.readInto(values);
    return values;
  }

  readInto(target: Float32Array): void {
    if (target.length !== this.#count) {
      throw new ArgumentError(`readInto: ${this.#count} values do not fit an array of ${target.length}`);
    }
    if (!this.#contiguous) {
      decode(this.dtype, this.#gather(), target);
      return;
    }
    if (this.dtype === "F32") {
      this.#fill(new Uint8Array(target.buffer, target.byteOffset, target.byteLength), this.#start);
      return;
    }
    const size = itemSize[this.dtype];
    slice ??= new Uint8Array(SLICE);
    for (let at = 0; at < this.#count; at += SLICE / size) {
      const count = Math.min(SLICE / size, this.#count - at);
      const bytes = slice.subarray(0, count * size);
      this.#fill(bytes, this.#start + at);
      decode(this.dtype, bytes, target.subarray(at, at + count));
    }
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const size = itemSize[this.dtype];
    let bytes: Uint8Array<ArrayBuffer>;
    if (this.#contiguous) {
      bytes = allocate(this.#count * size, this.#storage.source.name);
      this.#fill(bytes, this.#start);
    } else {
      bytes = this.#gather();
    }
    if (!hostIsLittleEndian) swapBytes(bytes, size);
    return bytes;
  }

  /** Elements from `start` on, in the host's byte order. */
  #fill(target: Uint8Array, start: number): void {
    const { source, offset, bigEndian = false } = this.#storage;
    const size = itemSize[this.dtype];
    source.readInto(target, offset + start * size);
    if (bigEndian === hostIsLittleEndian) swapBytes(target, size);
  }

  /** A row-major copy of a strided view: slice by slice of the first dimension where these lie apart, else at once. */
  #gather(): Uint8Array<ArrayBuffer> {
    const size = itemSize[this.dtype];
    const result = allocate(this.#count * size, this.#storage.source.name);
    const [shape, strides] = [this.shape, this.#strides];
    const whole = span(shape, strides);
    const inner = span(shape.slice(1), strides.slice(1));
    const apart = strides[0]! >= inner && whole * size > GATHER;
    const block = allocate((apart ? inner : whole) * size, this.#storage.source.name);
    const copy = copier(block, result, size, apart ? shape.slice(1) : shape, apart ? strides.slice(1) : strides);
    for (let i = 0; i < (apart ? shape[0]! : 1); i++) {
      this.#fill(block, this.#start + i * strides[0]!);
      copy();
    }
    return result;
  }
}

function words({ buffer, byteOffset, byteLength }: Uint8Array, unit: number): Uint32Array | Uint16Array | Uint8Array {
  if (unit === 4) return new Uint32Array(buffer, byteOffset, byteLength / 4);
  if (unit === 2) return new Uint16Array(buffer, byteOffset, byteLength / 2);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A function that appends the strided elements of `from` to `to`; each call goes on where the last one ended. */
function copier(from: Uint8Array, to: Uint8Array, size: number, shape: readonly number[], strides: readonly number[]) {
  // Elements are copied as integers, so that a NaN keeps its bits; 8-byte elements as two of 4.
  const unit = Math.min(size, 4);
  const wide = size / unit;
  const counts = wide === 1 ? shape : [...shape, wide];
  const steps = wide === 1 ? strides : [...strides.map((s) => s * wide), 1];
  const source = words(from, unit);
  const target = words(to, unit);
  const last = counts.length - 1;
  let next = 0;
  const copy = (dimension: number, start: number): void => {
    const count = dimension > last ? 1 : counts[dimension]!;
    const step = dimension > last ? 0 : steps[dimension]!;
    let at = start;
    for (let i = 0; i < count; i++, at += step) {
      if (dimension < last) copy(dimension + 1, at);
      else target[next++] = source[at]!;
    }
  };
  return () => copy(0, 0);
}
