import { ArgumentError, ResNetError, StateDictError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import { isKind, kindOf } from "../platform/kinds.ts";
import { formatShape, numel, sameShape } from "../tensor/shape.ts";
import type { Staged } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";

/** A tensor of a checkpoint, read when it is needed. */
export interface StateTensor {
  readonly shape: readonly number[];
  /** The values as f32, row-major in the shape's order. */
  read(): Float32Array;
  /** The same into an array of that many values, where the checkpoint can. */
  readInto?(target: Float32Array): void;
}

/** Tensors by key, as `adaptState` gets and gives them. */
export type StateTensors = ReadonlyMap<string, StateTensor>;

/** What can be loaded: a checkpoint's tensor, a tensor of this library, or plain values (row-major). */
export type LoadableTensor =
  | StateTensor
  | Tensor
  | { readonly shape: readonly number[]; readonly data: ArrayLike<number> };

/** Tensors by checkpoint key: a `Map` (as `loadCheckpoint` gives) or a plain object. */
export type Loadable = ReadonlyMap<string, LoadableTensor> | { readonly [key: string]: LoadableTensor };

/** Options of `loadStateDict`. */
export interface LoadOptions {
  /** false: keys that are missing or unexpected are reported instead of refused. Shapes must fit either way. */
  readonly strict?: boolean;
  /** true: NaN and infinity are let in. */
  readonly allowNonFinite?: boolean;
}

/** What `loadStateDict` did and left. */
export interface LoadReport {
  /** Keys of the network that the checkpoint does not have; they kept their values. */
  readonly missing: readonly string[];
  /** Keys of the checkpoint that the network does not have. */
  readonly unexpected: readonly string[];
}

/** The side of a module that loading needs. */
interface Target {
  readonly typeName: string;
  stateDict(): Map<string, Tensor>;
  namedModules(
    prefix: string,
    seen: Set<never>,
    removeDuplicate: boolean,
  ): Iterable<[string, { adaptState(state: StateTensors, prefix: string): StateTensors }]>;
}

/** See `Module.loadStateDict`. Everything is read and checked once before anything is written, so a failure changes nothing. */
export function loadInto(target: Target, loadable: Loadable, options: LoadOptions): LoadReport {
  checkOptions("loadStateDict", options, "strict allowNonFinite");
  const { strict = true, allowNonFinite = false } = options;
  const state = adapted(target, read(loadable));
  const wanted = target.stateDict();
  const difference = compare(wanted, state);
  const source = "name" in loadable && typeof loadable.name === "string" ? `${loadable.name}: ` : "";
  if (difference.misshapen.length > 0 || (strict && difference.missing.length + difference.unexpected.length > 0)) {
    throw new StateDictError(`${source}${target.typeName}`, difference);
  }
  const pairs = [...wanted].flatMap(([key, to]) => {
    const from = state.get(key);
    return from === undefined ? [] : [{ key, to, from }];
  });
  write(source, pairs, allowNonFinite);
  return { missing: difference.missing, unexpected: difference.unexpected };
}

interface Pair {
  readonly key: string;
  readonly to: Tensor;
  readonly from: StateTensor;
}

/**
 * A tensor that nobody looked at yet is read once, straight into its memory, which it gets when all is well. Values that are there
 * already are replaced only after everything was read and checked, so the rest is read twice.
 */
function write(source: string, pairs: readonly Pair[], allowNonFinite: boolean): void {
  const staged: Staged[] = [];
  const rest: Pair[] = [];
  try {
    for (const pair of pairs) {
      const { key, to, from } = pair;
      const made = from.readInto && to.storage.stage(to.shape, (target) => from.readInto?.(target));
      if (made === undefined) rest.push(pair);
      else staged.push(made);
      if (made?.finite === false) check(source + key, from.shape, from.read(), allowNonFinite);
    }
    const values = reader(rest.map(({ from }) => from));
    for (const { key, from } of rest) check(source + key, from.shape, values(from), allowNonFinite);
    for (const { to, from } of rest) to.set(values(from));
  } catch (error) {
    for (const made of staged) made.drop();
    throw error;
  }
  for (const made of staged) made.keep();
}

function read(loadable: Loadable): StateTensors {
  const kind = kindOf(loadable); // of a checkpoint that nobody awaited: "Promise"
  if (Object(loadable) !== loadable || ArrayBuffer.isView(loadable) || kind === "Promise") {
    throw new ArgumentError(`loadStateDict: needs a Map or an object of tensors by name, got ${kind}`);
  }
  const entries = isKind(loadable, "Map") ? loadable : Object.entries(loadable);
  const state = new Map<string, StateTensor>();
  for (const [key, value] of entries as Iterable<[string, LoadableTensor]>) state.set(key, stateTensor(key, value));
  return state;
}

function stateTensor(key: string, value: LoadableTensor): StateTensor {
  if (value instanceof Tensor) return { shape: value.shape, read: () => value.dataSync() };
  if (typeof value === "object" && value !== null && Array.isArray(value.shape)) {
    if ("read" in value && typeof value.read === "function") return value;
    if ("data" in value && typeof value.data === "object") {
      const { shape, data } = value;
      return { shape, read: () => (data instanceof Float32Array ? data : Float32Array.from(data)) };
    }
  }
  throw new ArgumentError(`loadStateDict: ${key} is neither a tensor nor { shape, data }`);
}

function adapted(target: Target, state: StateTensors): StateTensors {
  let result = state;
  for (const [name, module] of target.namedModules("", new Set(), false)) {
    result = module.adaptState(result, name === "" ? "" : `${name}.`);
  }
  return result;
}

function compare(wanted: ReadonlyMap<string, Tensor>, state: StateTensors) {
  const missing: string[] = [];
  const misshapen: { name: string; expected: readonly number[]; found: readonly number[] }[] = [];
  // What is shared may be there under one of its names only.
  const there = new Set([...wanted].flatMap(([name, t]) => (state.has(name) ? [t] : [])));
  for (const [name, t] of wanted) {
    const { shape } = t;
    const found = state.get(name)?.shape;
    if (found === undefined) {
      // Checkpoints from before PyTorch 0.4.1 do not count batches, and nothing that is computed depends on the count.
      if (!there.has(t) && !name.endsWith("num_batches_tracked")) missing.push(name);
    } else if (!sameShape(found, shape)) misshapen.push({ name, expected: shape, found });
  }
  return { missing, unexpected: [...state.keys()].filter((key) => !wanted.has(key)), misshapen };
}

/** Values of one tensor at a time, to be used before the next: all share one array, where they can be read into it. */
function reader(tensors: readonly StateTensor[]): (tensor: StateTensor) => Float32Array {
  const shared = tensors.filter(({ readInto }) => readInto !== undefined).map(({ shape }) => numel(shape));
  const scratch = new Float32Array(shared.reduce((a, b) => Math.max(a, b), 0));
  return (tensor) => {
    if (tensor.readInto === undefined) return tensor.read();
    const values = scratch.subarray(0, numel(tensor.shape));
    tensor.readInto(values);
    return values;
  };
}

function check(name: string, shape: readonly number[], values: Float32Array, allowNonFinite: boolean): void {
  if (values.length !== numel(shape)) {
    throw new ArgumentError(`${name}: shape ${formatShape(shape)} needs ${numel(shape)} values, got ${values.length}`);
  }
  if (allowNonFinite) return;
  const at = firstNonFinite(values);
  if (at < 0) return;
  throw new ResNetError(
    `${name}: value ${at} of ${values.length} is ${values[at]}, so every result would be NaN or infinite; ` +
      "pass { allowNonFinite: true } to load it all the same",
    { code: "ERR_NOT_FINITE" },
  );
}

function firstNonFinite(values: Float32Array): number {
  // All bits of the exponent are set only in NaN and infinity: then this addition reaches the sign.
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  let found = 0;
  for (let i = 0; i < bits.length; i++) found |= (bits[i]! & 0x7fffffff) + 0x00800000;
  return found >= 0 ? -1 : values.findIndex((v) => !Number.isFinite(v));
}
