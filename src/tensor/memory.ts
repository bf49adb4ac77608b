import { ResNetError } from "../errors.ts";
import type { Shape } from "./shape.ts";

/** What a backend knows a block of memory by: an address, a typed array, a GPU buffer. Only its own backend looks inside. */
export type Handle = unknown;

/** What a backend's memory holds. */
export interface MemoryStats {
  /** Bytes in live storages. */
  readonly used: number;
  /** Bytes held from the system (for wasm: the linear memory). */
  readonly reserved: number;
  /** Live storages. */
  readonly blocks: number;
  /** Storages that nobody disposed and that the garbage collector gave back. */
  readonly forgotten: number;
}

/** The part of a backend that tensors need: blocks of 32-bit floats. */
export interface Memory {
  readonly name: string;
  /** @param length in elements @throws OutOfMemoryError */
  alloc(length: number): Handle;
  free(handle: Handle): void;
  /** Copies values in storage order. */
  write(handle: Handle, values: Float32Array): void;
  /**
   * Lets `read` write values (row-major in `shape`, as many as it has) where they stay or right beside it, and brings them into
   * storage order there: no copy of a weight is made outside of this memory. Absent where the memory is out of reach.
   * @returns whether all of them are finite
   */
  fill?(handle: Handle, shape: Shape, read: (target: Float32Array) => void): boolean;
  /** A copy of the first `length` values in storage order. */
  read(handle: Handle, length: number): Promise<Float32Array>;
  /** Absent where reading must wait for a device (WebGPU). */
  readSync?(handle: Handle, length: number): Float32Array;
}

let current: Memory | undefined;

/** The memory in which new tensors are made. @throws ResNetError before `init` */
export function currentMemory(): Memory {
  if (current === undefined) {
    throw new ResNetError("no backend yet: call `await init()` before making tensors or running a network", {
      code: "ERR_NOT_INITIALISED",
    });
  }
  return current;
}

export function hasMemory(): boolean {
  return current !== undefined;
}

/** Makes `memory` current and returns the previous one. Called by `init` and by graph capture, nobody else. */
export function setMemory(memory: Memory | undefined): Memory | undefined {
  const previous = current;
  current = memory;
  return previous;
}
