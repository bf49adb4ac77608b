import { ArgumentError, ResNetError, ShapeError } from "../errors.ts";
import { fromStorageOrder, toStorageOrder } from "./layout.ts";
import { track, untrack } from "./scope.ts";
import { formatShape, isShape, numel, type Shape } from "./shape.ts";
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

/** What autograd keeps on a tensor that an op made; filled in by src/autograd.ts only. */
export interface GradientState {
  /** Which entry of the tape made it. */
  readonly made: unknown;
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
    this.shape = shape;
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
    if (values.length !== this.size) {
      throw new ShapeError("set", `shape ${formatShape(this.shape)} needs ${this.size} values, got ${values.length}`);
    }
    const floats = values instanceof Float32Array ? values : Float32Array.from(values);
    this.storage.write(floats, this.shape);
    return this;
  }

  /** The same values under another shape, without copying: bytes must keep their order (see `flatten` and `reshape` for the rest). */
  view(shape: Shape): Tensor {
    needLength("view", shape, this.size); // before the storage is retained
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
  if (numel(shape) === length) return;
  throw new ShapeError(op, `shape ${formatShape(shape)} needs ${numel(shape)} values, got ${length}`);
}

function checkedLength(shape: Shape): number {
  if (!isShape(shape)) {
    throw new ArgumentError(`tensor: sizes must be whole numbers of at least 0, got ${formatShape(shape)}`);
  }
  return numel(shape);
}

/** Nested arrays of numbers. */
export type Nested = number | readonly Nested[];

/**
 * A tensor from values in row-major order. Without `shape`, nested arrays give it.
 * @throws ShapeError when the number of values does not fit the shape or nested arrays are ragged
 */
export function tensor(values: ArrayLike<number> | Nested, shape?: Shape): Tensor {
  if (ArrayBuffer.isView(values))
    return fill(values as unknown as ArrayLike<number>, shape ?? [(values as Float32Array).length]);
  const nested = values as Nested;
  const found = shapeOf(nested);
  const flat = flatten(nested, []);
  if (flat.length !== numel(found)) throw new ShapeError("tensor", "nested arrays must all have the same lengths");
  return fill(flat, shape ?? found);
}

function fill(values: ArrayLike<number>, shape: Shape): Tensor {
  if (values.length !== checkedLength(shape)) {
    throw new ShapeError("tensor", `shape ${formatShape(shape)} needs ${numel(shape)} values, got ${values.length}`);
  }
  return Tensor.empty(shape).set(values);
}

function flatten(value: Nested, into: number[]): number[] {
  if (typeof value === "number") into.push(value);
  else for (const v of value) flatten(v, into);
  return into;
}

function shapeOf(value: Nested): number[] {
  const shape: number[] = [];
  let v: Nested | undefined = value;
  while (typeof v === "object") {
    shape.push(v.length);
    v = v[0];
  }
  return shape;
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
