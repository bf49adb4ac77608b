import type { View } from "../backend.ts";
import type { Allocator } from "./allocator.ts";
import type { Exports } from "./binary.ts";
import type { LowerContext } from "./lower/context.ts";
import { encode, type KernelName, kernelId, type RecordOf, recordLength } from "./records.ts";

const commandWords = 3;

interface Command {
  readonly kernel: KernelName;
  readonly tiles: number;
  readonly record: RecordOf<KernelName>;
}

/** Runs one op at a time: its commands are collected, written behind one another in a block of scratch memory, run, and forgotten. */
export class Eager implements LowerContext {
  readonly #allocator: Allocator;
  readonly #exports: Exports;
  #commands: Command[] = [];
  #scratch: number[] = [];

  constructor(allocator: Allocator, exports: Exports) {
    this.#allocator = allocator;
    this.#exports = exports;
  }

  address(view: View): number {
    return view.storage.handle as number;
  }

  scratch(length: number): number {
    const at = this.#allocator.alloc(length * 4, "scratch memory of an op");
    this.#scratch.push(at);
    return at;
  }

  emit<K extends KernelName>(kernel: K, tiles: number, record: RecordOf<K>): void {
    if (tiles > 0) this.#commands.push({ kernel, tiles, record: record as RecordOf<KernelName> });
  }

  /** Collects the commands that `lower` emits and runs them. Scratch memory is given back also when it throws. */
  launch(lower: () => void): void {
    try {
      lower();
      this.#run();
    } finally {
      for (const at of this.#scratch) this.#allocator.free(at);
      this.#scratch = [];
      this.#commands = [];
    }
  }

  #run(): void {
    const commands = this.#commands;
    let words = commands.length * commandWords;
    for (const c of commands) words += recordLength(c.kernel);
    const block = this.scratch(words); // given back after the run: what is in use is what tensors hold
    const { i32, f32 } = this.#allocator;
    const start = block >> 2;
    let at = start + commands.length * commandWords;
    commands.forEach(({ kernel, tiles, record }, i) => {
      encode(kernel, record, i32, f32, at);
      i32[start + i * commandWords] = kernelId(kernel);
      i32[start + i * commandWords + 1] = at << 2;
      i32[start + i * commandWords + 2] = tiles;
      at += recordLength(kernel);
    });
    this.#exports.run(block, commands.length);
  }
}
