import type { Storage } from "../../tensor/storage.ts";
import type { Allocator } from "./allocator.ts";

interface Entry {
  readonly at: number;
  readonly bytes: number;
}

/** Packed weights by layout and source; compiled programs that share them count as its users. */
export class Prepared {
  readonly #allocator: Allocator;
  readonly #entries = new Map<string, Entry>();
  readonly #layouts = new Map<Storage, string>();
  readonly #ids = new Map<Storage, number>();
  #users = 0;

  constructor(allocator: Allocator) {
    this.#allocator = allocator;
  }

  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#entries.values()) sum += bytes;
    return sum;
  }

  key(layout: string, sources: readonly (Storage | null)[]): string {
    return [layout, ...sources.map((s) => (s === null ? "-" : this.#id(s)))].join(" ");
  }

  find(key: string): number | undefined {
    return this.#entries.get(key)?.at;
  }

  layoutOf(weight: Storage): string | undefined {
    return this.#layouts.get(weight);
  }

  add(key: string, layout: string, weight: Storage, length: number): number {
    const bytes = length * 4;
    const at = this.#allocator.alloc(bytes, "packed weights");
    this.#entries.set(key, { at, bytes });
    this.#layouts.set(weight, layout);
    return at;
  }

  retain(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users > 0) return;
    for (const { at } of this.#entries.values()) this.#allocator.free(at);
    this.#entries.clear();
  }

  #id(storage: Storage): number {
    let id = this.#ids.get(storage);
    if (id === undefined) {
      id = this.#ids.size;
      this.#ids.set(storage, id);
    }
    return id;
  }
}
