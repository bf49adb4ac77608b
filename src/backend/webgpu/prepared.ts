import type { Storage } from "../../tensor/storage.ts";
import type { Machine } from "./machine.ts";
import type { Block } from "./pool.ts";

interface Entry {
  readonly block: Block;
  readonly bytes: number;
}

/** Packed weights by source and layout; compiled programs that share them count as its users. */
export class Prepared {
  readonly #machine: Machine;
  readonly #entries = new Map<Storage, Map<string, Entry>>();
  #users = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  get bytes(): number {
    let sum = 0;
    for (const layouts of this.#entries.values()) for (const { bytes } of layouts.values()) sum += bytes;
    return sum;
  }

  find(source: Storage, layout: string): Block | undefined {
    return this.#entries.get(source)?.get(layout)?.block;
  }

  add(source: Storage, layout: string, bytes: number): Block {
    const block = this.#machine.take(bytes, "packed weight");
    const layouts = this.#entries.get(source) ?? new Map<string, Entry>();
    this.#entries.set(source, layouts.set(layout, { block, bytes }));
    return block;
  }

  retain(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users > 0) return;
    for (const layouts of this.#entries.values()) {
      for (const { block, bytes } of layouts.values()) this.#machine.give(block, bytes);
    }
    this.#entries.clear();
  }
}
