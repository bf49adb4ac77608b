import type { View } from "../backend.ts";
import type { Allocator } from "./allocator.ts";
import type { Exports } from "./binary.ts";
import { type Command, wordsOf, writeCommands } from "./commands.ts";
import type { LowerContext } from "./lower/context.ts";
import type { KernelName, RecordOf } from "./records.ts";

/** Runs one op at a time: its commands are collected, written behind one another in a block of scratch memory, run, and forgotten. */
export class Eager implements LowerContext {
  readonly #allocator: Allocator;
  readonly #exports: Exports;
  readonly workers: number;
  readonly compiled = false;
  readonly memory = "default";
  #commands: Command[] = [];
  #scratch: number[] = [];

  constructor(allocator: Allocator, exports: Exports, workers: number) {
    this.workers = workers;
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

  prepare(
    _layout: string,
    _sources: readonly (View | null)[],
    length: number,
    fill: (at: number, scale: number) => void,
  ): number {
    const at = this.scratch(length);
    fill(at, 0);
    return at;
  }

  chosen: LowerContext["chosen"] = (_attrs, _sources, choose) => choose();

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
    const block = this.scratch(wordsOf(commands)); // given back after the run: what is in use is what tensors hold
    writeCommands(this.#allocator, commands, block);
    this.#exports.run(block, commands.length);
  }
}
