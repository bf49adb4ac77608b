import { DisposedError } from "../errors.ts";
import { isTurned, toStorageOrderSoon } from "./layout.ts";
import { currentMemory, type Handle, type Memory } from "./memory.ts";
import type { Shape } from "./shape.ts";

/** Values that are computed only when somebody looks (deferred initialisation). Storage order. */
export interface LazyValues {
  materialise(): Float32Array;
  /** Called instead of `materialise` when the values are replaced before anybody looked. */
  cancel(): void;
}

/**
 * Pictures are turned where they stay: the first one in 0.3 ms instead of 2.6 (224x224, code that the engine has not seen before). More
 * values than this are not, since their copy would make linear memory grow for good.
 */
const turnedInPlace = 1 << 20;

/** Values beside a storage's deferred ones: nobody sees them before `keep`. One of the two must be called. */
export interface Staged {
  /** No NaN and no infinity is among them. */
  readonly finite: boolean;
  /** They are the storage's values from now on. */
  keep(): void;
  /** Gives their memory back: the storage is as it was. */
  drop(): void;
}

/**
 * A counted block of a backend's memory. Tensors that are views of one another share a storage; autograd's tape holds
 * its own references, so that a tensor may be disposed while its values are still needed for the backward pass.
 */
export class Storage {
  readonly length: number;
  #memory: Memory | undefined;
  #handle: Handle = undefined;
  #lazy: LazyValues | undefined;
  #references = 1;

  /** With `lazy`, nothing is allocated until the first use. */
  constructor(length: number, lazy?: LazyValues) {
    this.length = length;
    if (lazy === undefined) this.#allocate();
    else this.#lazy = lazy;
  }

  /** The memory that holds (or will hold) the values. */
  get memory(): Memory {
    return this.#memory ?? currentMemory();
  }

  /** @throws DisposedError */
  get handle(): Handle {
    this.#settle();
    return this.#handle;
  }

  get disposed(): boolean {
    return this.#references === 0;
  }

  /** Others hold it too. */
  get shared(): boolean {
    return this.#references > 1;
  }

  /** True while deferred values have not been computed. */
  get pending(): boolean {
    return this.#lazy !== undefined;
  }

  /** One more holder. */
  retain(): this {
    this.#check();
    this.#references++;
    return this;
  }

  /** One holder less; the last one gives the memory back. */
  release(): void {
    if (this.#references === 0) return;
    if (--this.#references > 0) return;
    this.#lazy?.cancel();
    this.#lazy = undefined;
    if (this.#memory !== undefined) this.#memory.free(this.#handle);
    this.#handle = undefined;
  }

  /** Copies values in, in storage order, or row-major in `shape`; deferred values that nobody looked at are never computed. */
  write(values: Float32Array, shape?: Shape): void {
    this.#check();
    if (this.#lazy !== undefined) {
      this.#allocate(); // first: when there is no memory, the deferred values are still there
      this.#lazy.cancel();
      this.#lazy = undefined;
    }
    const memory = this.#memory!;
    if (shape !== undefined && isTurned(shape) && memory.fill !== undefined && values.length <= turnedInPlace) {
      memory.fill(this.#handle, shape, (target) => target.set(values));
    } else memory.write(this.#handle, shape === undefined ? values : toStorageOrderSoon(values, shape));
  }

  /**
   * Lets `read` write values (row-major in `shape`) straight into memory that becomes the storage's when that is wanted. Undefined where
   * somebody looked at the values already, or where the memory is out of reach.
   */
  stage(shape: Shape, read: (target: Float32Array) => void): Staged | undefined {
    this.#check();
    const memory = currentMemory();
    if (this.#lazy === undefined || memory.fill === undefined) return undefined;
    const handle = memory.alloc(this.length);
    try {
      const finite = memory.fill(handle, shape, read);
      return { finite, keep: () => this.#adopt(memory, handle), drop: () => memory.free(handle) };
    } catch (error) {
      memory.free(handle);
      throw error;
    }
  }

  /** The values in storage order. */
  read(): Promise<Float32Array> {
    this.#settle();
    return this.#memory!.read(this.#handle, this.length);
  }

  /** Like `read`, at once; undefined on a backend that cannot. */
  readSync(): Float32Array | undefined {
    this.#settle();
    return this.#memory!.readSync?.(this.#handle, this.length);
  }

  /** Moves the values to the current memory when they are elsewhere (for instance after `init` with another backend). */
  async move(): Promise<void> {
    const target = currentMemory();
    if (this.#memory === undefined || this.#memory === target) return;
    const values = await this.read();
    this.#memory.free(this.#handle);
    this.#memory = target;
    this.#handle = target.alloc(this.length);
    target.write(this.#handle, values);
  }

  /** All or nothing: a storage never knows a memory without a block in it. */
  #allocate(values?: () => Float32Array): void {
    const memory = currentMemory();
    const handle = memory.alloc(this.length);
    try {
      if (values !== undefined) memory.write(handle, values());
    } catch (error) {
      memory.free(handle);
      throw error;
    }
    this.#memory = memory;
    this.#handle = handle;
  }

  #settle(): void {
    this.#check();
    const lazy = this.#lazy;
    if (lazy === undefined) return;
    this.#allocate(() => lazy.materialise()); // whatever fails, the deferred values are still there
    this.#lazy = undefined;
  }

  #adopt(memory: Memory, handle: Handle): void {
    if (this.#memory !== undefined) this.#memory.free(this.#handle); // staged twice, say under two names
    this.#lazy?.cancel();
    this.#lazy = undefined;
    this.#memory = memory;
    this.#handle = handle;
  }

  #check(): void {
    if (this.#references === 0) throw new DisposedError("tensor", " (compile takes a model's weights: see keepModel)");
  }
}
