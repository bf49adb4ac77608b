import { OutOfMemoryError } from "../../errors.ts";

const align = 64;
const pageBytes = 65536;
/** Never given out, at the very end: kernels may read (not use) lanes past a block, and lines that they touch ahead (assembly/strassen.ts: at most 29 pixels of 2 KB). */
const guardBytes = pageBytes;

interface Gap {
  at: number;
  bytes: number;
}

/**
 * Owns the linear memory above the binary's own data: best-fitting gap first, neighbours merged on free, growth by what is
 * missing (never by doubling: an address space of 4 GiB and edge workers of 128 MB are both small). Addresses are multiples
 * of 64 bytes.
 */
export class Allocator {
  readonly memory: WebAssembly.Memory;
  /** Sorted by address; never adjacent to one another. */
  #gaps: Gap[];
  #blocks = new Map<number, number>();
  #used = 0;
  #f32: Float32Array<ArrayBufferLike>;
  #i32: Int32Array<ArrayBufferLike>;

  constructor(memory: WebAssembly.Memory, heapBase: number) {
    this.memory = memory;
    this.#f32 = new Float32Array(memory.buffer);
    this.#i32 = new Int32Array(memory.buffer);
    const start = roundUp(heapBase);
    const bytes = memory.buffer.byteLength - start - guardBytes;
    this.#gaps = bytes > 0 ? [{ at: start, bytes }] : [];
  }

  /** Bytes in live blocks. */
  get used(): number {
    return this.#used;
  }

  get blocks(): number {
    return this.#blocks.size;
  }

  get reserved(): number {
    return this.memory.buffer.byteLength;
  }

  /** The whole memory as floats; fetch it anew after anything that may allocate. */
  get f32(): Float32Array<ArrayBufferLike> {
    if (this.#f32.buffer !== this.memory.buffer) this.#renew();
    return this.#f32;
  }

  get i32(): Int32Array<ArrayBufferLike> {
    if (this.#i32.buffer !== this.memory.buffer) this.#renew();
    return this.#i32;
  }

  /** @returns the address of `bytes` free bytes @throws OutOfMemoryError */
  alloc(bytes: number, what = "tensor"): number {
    const need = Math.max(align, roundUp(bytes));
    let best = this.#bestGap(need);
    if (best < 0) {
      this.#grow(need, bytes, what);
      best = this.#bestGap(need);
    }
    const gap = this.#gaps[best]!;
    const at = gap.at;
    if (gap.bytes === need) this.#gaps.splice(best, 1);
    else {
      gap.at += need;
      gap.bytes -= need;
    }
    this.#blocks.set(at, need);
    this.#used += need;
    return at;
  }

  free(at: number): void {
    const bytes = this.#blocks.get(at);
    if (bytes === undefined) return;
    this.#blocks.delete(at);
    this.#used -= bytes;
    this.#insert({ at, bytes });
  }

  #bestGap(need: number): number {
    let best = -1;
    let size = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#gaps.length; i++) {
      const { bytes } = this.#gaps[i]!;
      if (bytes >= need && bytes < size) {
        best = i;
        size = bytes;
        if (bytes === need) break;
      }
    }
    return best;
  }

  #insert(gap: Gap): void {
    const gaps = this.#gaps;
    let low = 0;
    let high = gaps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (gaps[middle]!.at < gap.at) low = middle + 1;
      else high = middle;
    }
    const next = gaps[low];
    if (next !== undefined && gap.at + gap.bytes === next.at) {
      gap.bytes += next.bytes;
      gaps.splice(low, 1);
    }
    const previous = gaps[low - 1];
    if (previous !== undefined && previous.at + previous.bytes === gap.at) previous.bytes += gap.bytes;
    else gaps.splice(low, 0, gap);
  }

  #grow(need: number, asked: number, what: string): void {
    const end = this.reserved - guardBytes;
    const last = this.#gaps[this.#gaps.length - 1];
    const tail = last !== undefined && last.at + last.bytes === end ? last.bytes : 0;
    const pages = Math.ceil((need - tail) / pageBytes);
    try {
      this.memory.grow(pages);
    } catch (cause) {
      throw new OutOfMemoryError(what, { asked, used: this.#used, cause });
    }
    this.#insert({ at: end, bytes: pages * pageBytes });
  }

  #renew(): void {
    this.#f32 = new Float32Array(this.memory.buffer);
    this.#i32 = new Int32Array(this.memory.buffer);
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / align) * align;
}
