import { ArgumentError, ResNetError, ShapeError } from "../errors.ts";
import { fromStorageOrder, isTurned, toStorageOrder } from "./layout.ts";
import { track, untrack } from "./scope.ts";
import { formatShape, isShape, numel, type Shape, sameShape } from "./shape.ts";
import { type LazyValues, Storage } from "./storage.ts";

/** Symbol.dispose where the engine has it; `using` needs it, `dispose()` does not. */
const disposeSymbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

let forgotten = 0;
/** What a tensor must give back, apart from the tensor itself, so that it outlives a forgotten one. */
interface Estate {
  readonly storage: Storage;
  gradient: GradientState | undefined;
}

/** Some edge workers have no FinalizationRegistry: there, nobody catches what was forgotten. */
const net =
  typeof FinalizationRegistry === "undefined"
    ? undefined
    : new FinalizationRegistry<Estate>((estate) => {
        forgotten++;
        settle(estate);
      });

function settle({ storage, gradient }: Estate): void {
  storage.release();
  gradient?.release();
}

/** Tensors that were collected as garbage without `dispose()` since the start. Their memory was given back. */
export function forgottenTensors(): number {
  return forgotten;
}

/** What autograd keeps on a tensor that an op made; filled in by src/autograd only. */
export interface GradientState {
  /** Which entry of the tape made it. */
  readonly made: unknown;
  /** Called for each further tensor that stands for the same output. */
  retain(): void;
  /** Called once when the tensor is disposed (or collected): without outputs nobody can ask for the entry's gradient. */
  release(): void;
}

/**
 * A 32-bit float array with a shape. 4-D shapes are N,C,H,W, and their bytes are channels-last; `data()` and `tensor(...)`
 * speak the shape's row-major order.
 */
export class Tensor {
  readonly shape: Shape;
  readonly storage: Storage;
  /** The gradient after `backward()`; accumulates until it is set to null. */
  grad: Tensor | null = null;
  requiresGrad = false;
  readonly #estate: Estate;
  #disposed = false;

  /** Wraps a storage and takes over one reference to it. Use `tensor`, `zeros`, `randn`… to make tensors. */
  constructor(storage: Storage, shape: Shape) {
    needLength("tensor", shape, storage.length);
    this.shape = [...shape]; // whoever made the shape may change it afterwards
    this.storage = storage;
    track(this);
    this.#estate = { storage, gradient: undefined };
    net?.register(this, this.#estate, this);
  }

  /** An uninitialised tensor. */
  static empty(shape: Shape): Tensor {
    return new Tensor(new Storage(checkedLength(shape)), shape);
  }

  /** A tensor whose values (row-major) are computed at the first use. */
  static lazy(shape: Shape, values: LazyValues): Tensor {
    return new Tensor(new Storage(checkedLength(shape), stored(values, shape)), shape);
  }

  /** Set by autograd for tensors that a recorded op made. */
  get gradient(): GradientState | undefined {
    return this.#estate.gradient;
  }

  set gradient(state: GradientState | undefined) {
    this.#estate.gradient = state;
  }

  get size(): number {
    return this.storage.length;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Values in the shape's row-major order. */
  async data(): Promise<Float32Array> {
    return fromStorageOrder(await this.storage.read(), this.shape);
  }

  /** Like {@link data}, at once. @throws ResNetError on a backend that cannot (WebGPU) */
  dataSync(): Float32Array {
    const values = this.storage.readSync();
    if (values === undefined) {
      throw new ResNetError(
        `dataSync: the ${this.storage.memory.name} backend reads only asynchronously; use \`await tensor.data()\``,
        { code: "ERR_NOT_SUPPORTED" },
      );
    }
    return fromStorageOrder(values, this.shape);
  }

  /** The only value of a one-element tensor. */
  item(): number {
    if (this.size !== 1)
      throw new ShapeError("item", `needs a tensor with one value, got shape ${formatShape(this.shape)}`);
    return this.dataSync()[0]!;
  }

  /** Replaces all values (row-major in the shape's order). */
  set(values: ArrayLike<number>): this {
    needLength("set", this.shape, values?.length);
    const floats = values instanceof Float32Array ? values : Float32Array.from(values);
    this.storage.write(floats, this.shape);
    return this;
  }

  /**
   * The same values under another shape, without copying and detached: autograd does not follow. What a network reshapes goes through the op `flatten`.
   * @throws ShapeError where values would change their order, since the bytes of pictures are channels-last
   */
  view(shape: Shape): Tensor {
    needLength("view", shape, this.size); // before the storage is retained
    if ((isTurned(shape) || isTurned(this.shape)) && !sameShape(shape, this.shape)) {
      throw new ShapeError(
        "view",
        `${formatShape(this.shape)} has other bytes than ${formatShape(shape)}; use flatten`,
      );
    }
    return new Tensor(this.storage.retain(), shape);
  }

  /** A tensor on the same values that autograd does not follow. */
  detach(): Tensor {
    return this.view(this.shape);
  }

  /** Keeps this tensor beyond the `tidy` that it was made in. */
  keep(): this {
    untrack(this);
    return this;
  }

  /** Gives the memory back (when no view or tape entry holds it). Twice is harmless. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    net?.unregister(this);
    untrack(this);
    settle(this.#estate);
    this.grad?.dispose();
    this.grad = null;
  }

  /** `using x = …` gives the memory back at the end of its block. */
  [disposeSymbol](): void {
    this.dispose();
  }

  /** Its shape, without looking at the values. */
  toString(): string {
    return `Tensor(${formatShape(this.shape)})`;
  }
}

function stored(values: LazyValues, shape: Shape): LazyValues {
  return { materialise: () => toStorageOrder(values.materialise(), shape), cancel: () => values.cancel() };
}

function needLength(op: string, shape: Shape, length: number): void {
  if (checkedLength(shape) === length) return;
  throw new ShapeError(op, `shape ${formatShape(shape)} needs ${numel(shape)} values, got ${length}`);
}

function checkedLength(shape: Shape): number {
  if (!isShape(shape)) {
    const got = Array.isArray(shape) ? formatShape(shape) : `${String(shape)}: a shape is an array`;
    throw new ArgumentError(`tensor: sizes must be whole numbers of at least 0, got ${got}`);
  }
  return numel(shape);
}

/** Nested arrays of numbers. */
export type Nested = number | readonly Nested[];

/**
 * A tensor from values in row-major order. Without `shape`, nested arrays give it.
 * @throws ShapeError when the number of values does not fit the shape or nested arrays are ragged; ArgumentError when they are no numbers
 */
export function tensor(values: ArrayLike<number> | Nested, shape?: Shape): Tensor {
  if (ArrayBuffer.isView(values)) return fill(values as Float32Array, shape ?? [(values as Float32Array).length]);
  const found: number[] = [];
  const flat: number[] = [];
  let ragged = false;
  const read = (value: unknown, depth: number): void => {
    const list = value as ArrayLike<unknown>;
    if (typeof value === "number") {
      ragged ||= depth !== found.length;
      flat.push(value);
    } else if (typeof value === "object" && list?.length >= 0) {
      if (depth === found.length && flat.length === 0) found.push(list.length);
      ragged ||= found[depth] !== list.length;
      for (let i = 0; i < list.length; i++) read(list[i], depth + 1);
    } else throw new ArgumentError(`tensor: needs numbers in nested arrays, got ${typeof value}`);
  };
  read(values, 0);
  if (ragged) throw new ShapeError("tensor", "nested arrays must all have the same lengths");
  return fill(flat, shape ?? found);
}

function fill(values: ArrayLike<number>, shape: Shape): Tensor {
  checkedLength(shape);
  needLength("tensor", shape, values.length);
  return Tensor.empty(shape).set(values);
}

/** A tensor of one value repeated. */
export function full(shape: Shape, value: number): Tensor {
  return Tensor.empty(shape).set(new Float32Array(numel(shape)).fill(value));
}

/** A tensor of zeros. */
export function zeros(shape: Shape): Tensor {
  return full(shape, 0);
}

/** A tensor of ones. */
export function ones(shape: Shape): Tensor {
  return full(shape, 1);
}
