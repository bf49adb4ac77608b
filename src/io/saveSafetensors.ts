import { ArgumentError, UnknownNameError } from "../errors.ts";
import { checkOptions, need } from "../options.ts";
import { isKind, kindOf } from "../platform/kinds.ts";
import { type Dtype, hostIsLittleEndian, isDtype, isFloating, itemSize, swapBytes } from "./dtype.ts";
import { elementCount } from "./fileTensor.ts";
import { narrowBF16, narrowF16 } from "./half.ts";
import { quantise, ScaledTensor } from "./scaled.ts";
import type { CheckpointTensor } from "./stateDict.ts";

type Values =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** What can be saved: a tensor of a checkpoint, values with a shape, or anything that has `shape` and `dataSync()`. */
export type SavableTensor =
  | CheckpointTensor
  | { readonly shape: readonly number[]; readonly data: Values }
  | {
      readonly shape: readonly number[];
      /** Values in row-major order, as `Tensor.dataSync` gives them. */
      dataSync(): Float32Array;
    };

/** Options of `saveSafetensors`. */
export interface SaveOptions {
  /**
   * The type that floating-point tensors are stored in; their own when left out. Integers keep theirs. `I8` is a quarter of F32: weights of
   * two dimensions and more get 8 bits a value and, as `NAME_scale`, one scale for each output channel; biases and batch norms keep their type.
   */
  readonly dtype?: "F32" | "F16" | "BF16" | "I8";
  /** Free text for the header's `__metadata__`. */
  readonly metadata?: Readonly<Record<string, string>> | ReadonlyMap<string, string>;
}

interface Planned {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly size: number;
  /** Row-major, little-endian. */
  bytes(): Uint8Array;
  begin: number;
}

/**
 * A safetensors file. Names are in the order given; the data is laid out by falling element size, so that every
 * tensor is aligned. The same input gives the same bytes. Narrowing rounds to nearest, ties to even, and throws
 * an ArgumentError where a finite value would become infinite. Values of tensors on WebGPU have to be awaited before:
 * give `{ shape, data: await tensor.data() }`.
 */
export function saveSafetensors(
  tensors: ReadonlyMap<string, SavableTensor>,
  options: SaveOptions = {},
): Uint8Array<ArrayBuffer> {
  const [size, chunks] = planSafetensors(tensors, options);
  const file = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    file.set(chunk, at);
    at += chunk.length;
  }
  return file;
}

/** The same file in pieces, one tensor at a time in memory: its size in bytes, and the pieces in order. */
export function planSafetensors(
  tensors: ReadonlyMap<string, SavableTensor>,
  options: SaveOptions = {},
): [size: number, chunks: Iterable<Uint8Array>] {
  checkOptions("saveSafetensors", options, "dtype metadata");
  need(isKind(tensors, "Map"), "saveSafetensors", "a Map of tensors, such as net.stateDict()", tensors);
  const wanted = ["F32", "F16", "BF16", "I8"];
  if (options.dtype !== undefined && !wanted.includes(options.dtype)) {
    throw new UnknownNameError("dtype", options.dtype, wanted);
  }
  const planned = [...tensors].flatMap(([name, tensor]) => plan(name, tensor, options.dtype));
  const names = planned.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ArgumentError(`saveSafetensors: ${twice} is both a tensor and the scales of an I8 one`);
  const layout = [...planned].sort((a, b) => itemSize[b.dtype] - itemSize[a.dtype]);
  let end = 0;
  for (const entry of layout) {
    entry.begin = end;
    end += entry.size;
  }

  // Not one object for JSON.stringify, which would put keys like "0" before all others.
  const members = planned.map(({ name, dtype, shape, begin, size }) => {
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, begin + size] })}`;
  });
  const { metadata } = options;
  if (metadata !== undefined) {
    const pairs = metadata instanceof Map ? [...metadata] : Object.entries(metadata);
    const strings = pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(String(value))}`);
    members.unshift(`"__metadata__":{${strings.join(",")}}`);
  }
  const json = new TextEncoder().encode(`{${members.join(",")}}`);
  const headerLength = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(8 + headerLength).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(headerLength), true);
  header.set(json, 8);

  const chunks = function* () {
    yield header;
    for (const entry of layout) yield entry.bytes();
  };
  return [header.length + end, chunks()];
}

function plan(name: string, tensor: SavableTensor, wanted: SaveOptions["dtype"]): Planned[] {
  if (name === "__metadata__") throw new ArgumentError("saveSafetensors: no tensor can be named __metadata__");
  const { shape } = tensor;
  const count = elementCount(shape);
  if (count === undefined) throw new ArgumentError(`saveSafetensors: ${name} has the shape [${shape.join(", ")}]`);
  const own = "read" in tensor ? tensor.dtype : "dataSync" in tensor ? "F32" : dtypeOf(name, tensor.data);
  const entry = (suffix: string, dtype: Dtype, dims: readonly number[], bytes: () => Uint8Array): Planned => {
    return { name: name + suffix, shape: dims, dtype, size: elementCount(dims)! * itemSize[dtype], bytes, begin: 0 };
  };
  const scaled = tensor instanceof ScaledTensor;
  if (scaled && (wanted ?? own) === own) {
    const { scales } = tensor;
    return [
      entry("", own, shape, () => tensor.bytes()),
      entry("_scale", scales.dtype, scales.shape, () => scales.bytes()),
    ];
  }
  const read = (): Values => {
    const values = "read" in tensor ? tensor.read() : "dataSync" in tensor ? tensor.dataSync() : tensor.data;
    if (values.length !== count) {
      throw new ArgumentError(`saveSafetensors: ${name} has ${values.length} values for shape [${shape.join(", ")}]`);
    }
    return values;
  };
  let dtype = wanted !== undefined && (scaled || isFloating(own)) ? wanted : own;
  if (dtype === "I8" && own !== "I8") {
    const [channels = 1, ...rest] = shape;
    if (rest.length > 0 && count > 0) {
      const parts = () => quantise(name, read(), channels);
      return [
        entry("", "I8", shape, () => new Uint8Array(parts().codes.buffer)),
        entry("_scale", "F32", [channels, ...rest.map(() => 1)], () => encode(name, "F32", parts().scales)),
      ];
    }
    dtype = own;
  }
  const stored = () => ("read" in tensor && dtype === own ? tensor.bytes() : encode(name, dtype, read()));
  return [entry("", dtype, shape, stored)];
}

/** By its name: an array may be of another realm. Others, plain ones for instance, would be written as bytes that they are not. */
function dtypeOf(name: string, values: Values): Dtype {
  const kind = kindOf(values);
  const dtype = kind.replace(/^(?:Big)?(F|I|U)(?:loat|nt|int)(\d+)Array$/, "$1$2");
  if (isDtype(dtype) && dtype !== "F16") return dtype;
  throw new ArgumentError(
    `saveSafetensors: ${name}: its values should be a Float32Array or another typed array, not ${kind}`,
  );
}

/** Values, which are of the type `dtype` or are to be narrowed to it, as little-endian bytes. */
function encode(name: string, dtype: Dtype, values: Values): Uint8Array {
  const size = itemSize[dtype];
  let elements: Values = values;
  if (dtype !== "F64" && kindOf(values) === "Float64Array") elements = Float32Array.from(values as Float64Array);
  if (dtype === "F16" || dtype === "BF16") {
    const float = elements as Float32Array;
    const bits = new Uint32Array(float.buffer, float.byteOffset, float.length);
    const narrow = dtype === "F16" ? narrowF16 : narrowBF16;
    const infinity = dtype === "F16" ? 0x7c00 : 0x7f80;
    const half = new Uint16Array(float.length);
    for (let i = 0; i < half.length; i++) {
      half[i] = narrow(bits[i]!);
      if ((half[i]! & 0x7fff) === infinity && Number.isFinite(Number(values[i]))) {
        throw new ArgumentError(`saveSafetensors: ${name} holds ${values[i]}, too large for ${dtype}; use BF16 or F32`);
      }
    }
    elements = half;
  }
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  if (hostIsLittleEndian || size === 1) return bytes;
  const swapped = bytes.slice();
  swapBytes(swapped, size);
  return swapped;
}
