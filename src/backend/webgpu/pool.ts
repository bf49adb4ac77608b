import { OutOfMemoryError } from "../../errors.ts";
import { usage } from "./device.ts";

/** A stretch of a GPU buffer, in bytes. */
export interface Block {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** Bytes of free buffers that are kept for the next op, at least; more when more is in use. */
const keptAtLeast = 64 * 2 ** 20;

/** Sizes in eight steps per octave, so that at most an eighth is wasted and buffers are used again. */
export function sizeClass(bytes: number): number {
  const step = Math.max(256, 2 ** Math.floor(Math.log2(Math.max(bytes, 1)) - 3));
  return Math.max(256, Math.ceil(bytes / step) * step);
}

/**
 * Storage buffers, used again: making one costs more than most launches. Work is recorded in order, so a buffer that was freed may be
 * handed out while commands that read it wait; it is destroyed only after they were submitted (`trim`).
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GPUBuffer[]>();
  #freeBytes = 0;
  #reserved = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bytes of all buffers that exist. */
  get reserved(): number {
    return this.#reserved;
  }

  /** @throws OutOfMemoryError for more than one binding of this adapter may hold */
  take(bytes: number, what = "a tensor"): Block {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits;
    const limit = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    if (bytes > limit) {
      throw new OutOfMemoryError(`webgpu: ${what} of ${bytes} bytes; this adapter binds at most ${limit}`, {
        asked: bytes,
        used: this.#reserved - this.#freeBytes,
      });
    }
    const size = Math.min(sizeClass(bytes), limit - (limit % 4));
    const waiting = this.#free.get(size)?.pop();
    if (waiting !== undefined) {
      this.#freeBytes -= size;
      return { buffer: waiting, offset: 0, size };
    }
    const flags = usage.storage | usage.copySource | usage.copyTarget;
    const buffer = this.#device.createBuffer({ size, usage: flags });
    this.#reserved += size;
    return { buffer, offset: 0, size };
  }

  give({ buffer, size }: Block): void {
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [buffer]);
    else list.push(buffer);
    this.#freeBytes += size;
  }

  /** Destroys free buffers beyond what is worth keeping. Only when nothing recorded waits to be submitted. */
  trim(keep = Math.max(keptAtLeast, this.#reserved - this.#freeBytes)): void {
    for (const [size, list] of [...this.#free].sort(([a], [b]) => b - a)) {
      while (this.#freeBytes > keep && list.length > 0) {
        list.pop()!.destroy();
        this.#freeBytes -= size;
        this.#reserved -= size;
      }
    }
  }
}
