import type { Storage } from "../../tensor/storage.ts";
import type { Conv2dAttrs, View } from "../backend.ts";
import type { Allocator } from "./allocator.ts";
import type { ConvAlgorithm } from "./lower/chooseConv.ts";

interface Entry {
  readonly at: number;
  readonly bytes: number;
}

/** Packed weights by layout, source and shape (views of one weight may have several); compiled programs that share them count as its users. */
export class Prepared {
  readonly #allocator: Allocator;
  readonly #entries = new Map<string, Entry>();
  readonly #layouts = new Map<string, ConvAlgorithm>();
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

  key(layout: string, sources: readonly (View | null)[]): string {
    return [layout, ...sources.map((v) => v && `${this.#id(v.storage)}:${v.shape}`)].join();
  }

  find(key: string): number | undefined {
    return this.#entries.get(key)?.at;
  }

  /** The first choice for a convolution of one kind with these weights stands, for other sizes of picture as well. */
  chosen(attrs: Conv2dAttrs, sources: readonly (View | null)[], choose: () => ConvAlgorithm): ConvAlgorithm {
    const { strideH, strideW, dilationH, dilationW, groups, padH, padW } = attrs;
    const kind = [strideH, strideW, dilationH, dilationW, groups, padH + padW > 0];
    const key = this.key(`${kind}`, sources);
    const made = this.#layouts.get(key) ?? choose();
    this.#layouts.set(key, made);
    return made;
  }

  add(key: string, length: number): number {
    const bytes = length * 4;
    const at = this.#allocator.alloc(bytes, "packed weights");
    this.#entries.set(key, { at, bytes });
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
