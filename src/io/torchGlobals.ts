import type { Dtype } from "./dtype.ts";
import { PickledObject, PickleGlobal } from "./pickle.ts";

// Everything that a file of torch.save may name. The functions build plain data, and nothing else is let through.

/** A storage as a pickle refers to it. */
export interface TorchStorage {
  readonly key: string;
  /** Undefined for `torch.UntypedStorage`, whose type comes with the tensor. */
  readonly dtype: Dtype | undefined;
  /** In elements of `dtype`; in bytes when that is undefined. */
  readonly length: number;
  /** First element of a view, counted in the storage. */
  readonly start: number;
}

type Call = (args: readonly unknown[]) => unknown;

const storageTypes: Readonly<Record<string, Dtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

const dtypes: Readonly<Record<string, Dtype>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
};

/** A storage class or a dtype: used as a value and never called. `UntypedStorage` has no element type. */
export class TypeGlobal extends PickleGlobal {
  readonly dtype: Dtype | undefined;

  constructor(name: string, dtype: Dtype | undefined) {
    super(name, () => null);
    this.dtype = dtype;
  }
}

export interface TorchHost {
  /** Gets what a tensor was saved with, unchecked; `dtype` where it does not come with the storage. */
  makeTensor(storage: unknown, start: unknown, shape: unknown, strides: unknown, dtype: Dtype | undefined): unknown;
  fail(message: string): never;
}

/** `scalar(dtype('<f8'), bytes)`: a NumPy number, as it stands for an accuracy in many checkpoints. */
function numpyScalar([type, bytes]: readonly unknown[]): unknown {
  const code = type instanceof PickledObject ? type.args[0] : undefined;
  if (!(bytes instanceof Uint8Array) || typeof code !== "string") return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const readers: Readonly<Record<string, readonly [size: number, read: () => unknown]>> = {
    f8: [8, () => view.getFloat64(0, true)],
    f4: [4, () => view.getFloat32(0, true)],
    i8: [8, () => Number(view.getBigInt64(0, true))],
    i4: [4, () => view.getInt32(0, true)],
    b1: [1, () => view.getUint8(0) !== 0],
  };
  const reader = Object.hasOwn(readers, code) ? readers[code] : undefined;
  return reader !== undefined && reader[0] === bytes.length ? reader[1]() : null;
}

// A call that copies its argument could be repeated by a few bytes of pickle, so the copies are counted.
const MAX_COPIED = 1_000_000;

const kinds: readonly (readonly [kind: string, RegExp])[] = [
  ["complex", /^torch\.(?:cuda\.|storage\.)?(?:Complex\w*Storage|complex\d+|cfloat|cdouble|chalf)$/],
  ["quantised", /^torch\.(?:(?:cuda\.|storage\.)?QU?Int\w+Storage|qu?int\w+|_utils\._rebuild_qtensor|per_\w+)$/],
  ["sparse", /^torch\.(?:_utils\._rebuild_sparse\w*|sparse_\w+)$/],
  ["meta", /^torch\._utils\._rebuild_meta_tensor_no_storage$/],
];

/** The kind of tensor that a global is for and that is not read: saving it anew would not help. */
export function unsupportedTensor(name: string): string | undefined {
  return kinds.find(([, names]) => names.test(name))?.[0];
}

/** The allow-list. */
export function torchGlobals(host: TorchHost): (name: string) => PickleGlobal | undefined {
  let copied = 0;
  const count = (items: number) => {
    copied += items;
    if (copied > MAX_COPIED) host.fail(`the pickle copies more than ${MAX_COPIED} items`);
  };

  /** From nothing, a dictionary or pairs; `defaultdict` has its factory before them. */
  const dictionary: Call = (args) => {
    const from = args[args.length - 1];
    if (from instanceof Map) return from;
    const result = new Map<unknown, unknown>();
    if (!Array.isArray(from)) return result;
    count(from.length);
    for (const pair of from) if (Array.isArray(pair)) result.set(pair[0], pair[1]);
    return result;
  };
  const sequence: Call = ([items]) => (Array.isArray(items) ? items : []);
  /** As the opcodes make them, but by name: protocols 2 and 3 have none for frozen sets and byte arrays. */
  const set: Call = ([items]) => {
    if (!Array.isArray(items)) return new Set();
    count(items.length);
    return new Set(items);
  };
  const encoded: Call = ([text]) => {
    if (typeof text !== "string") return null;
    count(text.length);
    return Uint8Array.from(text, (c) => c.charCodeAt(0));
  };
  const byteArray: Call = (args) => {
    const [from] = args;
    if (!(from instanceof Uint8Array)) return args.length === 0 ? new Uint8Array() : encoded(args);
    count(from.length);
    return from.slice();
  };
  const number: Call = ([value]) => (typeof value === "number" ? value : 0);
  const tensor: Call = ([storage, start, shape, strides]) => host.makeTensor(storage, start, shape, strides, undefined);

  const functions: Readonly<Record<string, Call>> = {
    "collections.OrderedDict": dictionary,
    "collections.defaultdict": dictionary,
    "collections.Counter": dictionary,
    "torch._utils._rebuild_tensor": tensor,
    "torch._utils._rebuild_tensor_v2": tensor,
    "torch._utils._rebuild_tensor_v3": ([storage, start, shape, strides, , , type]) =>
      host.makeTensor(storage, start, shape, strides, type instanceof TypeGlobal ? type.dtype : undefined),
    "torch._utils._rebuild_parameter": ([data]) => data,
    "torch._utils._rebuild_parameter_with_state": ([data]) => data,
    "torch.Size": sequence,
    "torch.device": ([type]) => type,
    "torch.serialization._get_layout": ([name]) => name,
    "argparse.Namespace": (args) => new PickledObject("argparse.Namespace", args),
    "numpy.dtype": (args) => new PickledObject("numpy.dtype", args),
    "numpy.core.multiarray.scalar": numpyScalar,
    "numpy._core.multiarray.scalar": numpyScalar,
    // `encode(text, "latin1")`: how protocol 2 writes bytes.
    "_codecs.encode": encoded,
    // `_reconstructor(cls, object, None)`: how protocol 2 makes an instance of a plain class.
    "copyreg._reconstructor": ([type]) => (type instanceof PickleGlobal ? type.call([]) : null),
  };
  const builtins: Readonly<Record<string, Call>> = {
    dict: dictionary,
    list: sequence,
    set,
    frozenset: set,
    bytearray: byteArray,
    int: number,
    float: number,
    bool: ([value]) => value === true,
    object: () => null,
  };

  return (name) => {
    // Python 2 has other names for two modules.
    const modern = name.replace(/^__builtin__\./, "builtins.").replace(/^copy_reg\./, "copyreg.");
    if (Object.hasOwn(functions, modern)) return new PickleGlobal(name, functions[modern]!);
    const builtin = modern.startsWith("builtins.") ? modern.slice("builtins.".length) : "";
    if (Object.hasOwn(builtins, builtin)) return new PickleGlobal(name, builtins[builtin]!);
    const type = /^torch\.(?:cuda\.|storage\.)?(\w+)$/.exec(name)?.[1] ?? "";
    if (Object.hasOwn(storageTypes, type)) return new TypeGlobal(name, storageTypes[type]);
    if (Object.hasOwn(dtypes, type)) return new TypeGlobal(name, dtypes[type]);
    return type === "UntypedStorage" ? new TypeGlobal(name, undefined) : undefined;
  };
}
