import type { Allocator } from "./allocator.ts";
import { encode, type KernelName, kernelId, type RecordOf, recordLength } from "./records.ts";

/** Words of a command: kernel, address of its record, tiles. */
const commandWords = 3;

export interface Command {
  readonly kernel: KernelName;
  readonly tiles: number;
  readonly record: RecordOf<KernelName>;
}

/** Words that commands and their records take. */
export function wordsOf(commands: readonly Command[]): number {
  return commands.reduce((words, c) => words + commandWords + recordLength(c.kernel), 0);
}

/** Writes commands at byte address `block`, and their records behind them. */
export function writeCommands({ i32, f32 }: Allocator, commands: readonly Command[], block: number): void {
  const start = block >>> 2;
  let at = start + commands.length * commandWords;
  commands.forEach(({ kernel, tiles, record }, i) => {
    encode(kernel, record, i32, f32, at);
    i32[start + i * commandWords] = kernelId(kernel);
    i32[start + i * commandWords + 1] = at << 2;
    i32[start + i * commandWords + 2] = tiles;
    at += recordLength(kernel);
  });
}
