import type { Storage } from "../../tensor/storage.ts";
import type { Machine } from "./machine.ts";
import type { Block } from "./pool.ts";

interface Entry {
  readonly block: Block;
  readonly bytes: number;
}

/** Packed weights by source and layout; compiled programs that share them count as its users, and are made one after the other. */
export class Prepared {
  readonly #machine: Machine;
  readonly #entries = new Map<Storage, Map<string, Entry>>();
  /** Takes back what was added in this turn. */
  #undo: (() => void)[] = [];
  #line: Promise<unknown> = Promise.resolve();
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
    this.#undo.push(() => {
      layouts.delete(layout);
      this.#machine.give(block, bytes);
    });
    return block;
  }

  /** Runs `body`, which packs what it adds, once everybody before has packed what they added. What a failing one added is forgotten. */
  inTurn<T>(body: () => Promise<T>): Promise<T> {
    const mine = this.#line.then(async () => {
      try {
        return await body();
      } catch (error) {
        for (const undo of this.#undo) undo();
        throw error;
      } finally {
        this.#undo = [];
      }
    });
    this.#line = mine.catch(() => undefined);
    return mine;
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
