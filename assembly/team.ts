// Several threads on one list of commands. Nothing here is compiled into a one-thread binary (ASC_FEATURE_THREADS).
//
// `control` is a block of shared words: who waits, what the run is, and one 64-bit claim: the sequence number of the command
// in its upper half, the next free tile in its lower half, so that one atomic addition claims a tile of a certain command.
// Sequence numbers grow for ever (with a gap of one between runs), so a late thread can never mistake an old claim for a new
// one. The thread that finishes the last tile of a command opens the next; nobody waits for a thread that has not woken up.
// Tiles are independent and reductions are never split, so bits do not depend on who ran what.
import { COMMAND_BYTES, tileOf } from "./run";

/** 64-bit claim. */
const CLAIM: usize = 0;
/** Tiles of the open command that are done. */
const DONE: usize = 8;
/** Number of runs so far: sleeping threads wait for it to change. */
const GENERATION: usize = 64;
const COMMANDS: usize = 68;
/** Last (exclusive) and, in the upper half, first sequence number of the run: one word, so that nobody sees half of a new run. */
const RANGE: usize = 72;
/** Set by a thread whose kernel trapped: nobody waits for it any more. */
const FAILED: usize = 80;
const QUIT: usize = 84;

/** Looks before a thread goes to sleep: a few tens of microseconds, as long as TypeScript needs between two eager ops. */
const SPINS: i32 = 20000;

/** Takes tiles until the run is over. */
function help(control: usize, worker: i32): void {
  while (true) {
    const claim = atomic.add<u64>(control + CLAIM, 1);
    const sequence = <u32>(claim >> 32),
      tile = <i32>(<u32>claim);
    const range = atomic.load<u64>(control + RANGE), begin = <u32>(range >> 32);
    if (sequence - begin >= <u32>range - begin) return;
    const command = atomic.load<usize>(control + COMMANDS) + <usize>(sequence - begin) * COMMAND_BYTES;
    const tiles = load<i32>(command, 8);
    // A claim beyond the last tile may be old by now, and the run another one: then what was read above means nothing.
    if (<u32>(atomic.load<u64>(control + CLAIM) >> 32) != sequence) continue;
    if (tile < tiles) {
      tileOf(load<i32>(command), load<usize>(command, 4), tile, worker);
      if (<i32>atomic.add<u32>(control + DONE, 1) + 1 == tiles) {
        atomic.store<u32>(control + DONE, 0);
        atomic.store<u64>(control + CLAIM, (<u64>sequence + 1) << 32);
      }
      continue;
    }
    while (<u32>(atomic.load<u64>(control + CLAIM) >> 32) == sequence) {
      if (atomic.load<u32>(control + FAILED)) return;
    }
  }
}

/**
 * A helper's whole life: waits for runs and helps, until `quit`. `worker` is its index, from 1 (the caller is 0): scratch
 * memory goes by it. It is handed over, not counted here by an
 * atomic addition: compiled by Node 20's baseline compiler, that gave wrong results (right with --no-liftoff).
 */
export function work(control: usize, worker: i32): void {
  let seen: u32 = 0;
  while (atomic.load<u32>(control + QUIT) == 0) {
    let now = atomic.load<u32>(control + GENERATION);
    for (let i = 0; i < SPINS && now == seen; i++) now = atomic.load<u32>(control + GENERATION);
    if (now == seen) {
      atomic.wait<i32>(control + GENERATION, <i32>seen, -1);
      continue;
    }
    seen = now;
    help(control, worker);
  }
}

/**
 * Runs `count` commands with whoever is awake; returns when all are done. The caller never sleeps (a page's main thread may
 * not), it spins for the last tiles of the others. @returns 0, or 1 when a helper's kernel trapped.
 */
export function runTeam(commands: usize, count: i32, control: usize): i32 {
  const begin = <u32>atomic.load<u64>(control + RANGE) + 1;
  atomic.store<usize>(control + COMMANDS, commands);
  atomic.store<u64>(control + RANGE, ((<u64>begin) << 32) | <u64>(begin + <u32>count));
  atomic.store<u32>(control + DONE, 0);
  atomic.store<u64>(control + CLAIM, (<u64>begin) << 32);
  atomic.add<u32>(control + GENERATION, 1);
  atomic.notify(control + GENERATION, -1);
  help(control, 0);
  while (<u32>(atomic.load<u64>(control + CLAIM) >> 32) - begin < <u32>count) {
    if (atomic.load<u32>(control + FAILED)) return 1;
  }
  return 0;
}

/** Tells the helpers to leave. */
export function quit(control: usize): void {
  atomic.store<u32>(control + QUIT, 1);
  atomic.add<u32>(control + GENERATION, 1);
  atomic.notify(control + GENERATION, -1);
}

/** Called for a helper whose kernel trapped. */
export function fail(control: usize): void {
  atomic.store<u32>(control + FAILED, 1);
}
