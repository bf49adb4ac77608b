// Several threads on one list of commands. Nothing here is compiled into a one-thread binary (ASC_FEATURE_THREADS).
//
// `control` is a block of shared words: the sequence number of the open command, and for each member a claim: the sequence number of
// the command it counts for (upper half) and how many tiles of the member's share are taken (lower half). A member takes its own share
// first, which is the same part of the batch in every command and so in its cache (between two cores of this kind of machine a line
// takes a quarter of a microsecond), then what is left of the others'. A claim of an older command counts as none taken, so a command
// is opened by one store, and nothing is written for it while others may already be at work. Sequence numbers grow for ever (with a
// gap of one between runs), so a late thread can never mistake an old claim for a new one. Who finishes the last tile of a command
// opens the next; nobody waits for a thread that has not woken up. Tiles are independent and reductions are never split, so bits do
// not depend on who ran what.
import { COMMAND_BYTES, tileOf } from "./run";

/** Sequence number of the open command. */
const OPEN: usize = 0;
/** Tiles of the open command that are done. */
const DONE: usize = 4;
/** Number of runs so far: sleeping threads wait for it to change. */
const GENERATION: usize = 64;
const COMMANDS: usize = 68;
/** Last (exclusive) and, in the upper half, first sequence number of the run: one word, so that nobody sees half of a new run. */
const RANGE: usize = 72;
/** Set for a thread whose kernel trapped, or that is taken for dead: nobody waits for it any more. */
const FAILED: usize = 80;
const QUIT: usize = 84;
const MEMBERS: usize = 88;
/** Looks at a command that others have not finished (64 bits), before they are taken for dead: minutes of processor time, or less in tests. */
const PATIENCE: usize = 96;
/** 64-bit claims, one for each member, on cache lines of their own. */
const CLAIMS: usize = 128;
const CLAIM_BYTES: usize = 64;

/** Looks before a thread goes to sleep: a few tens of microseconds, as long as TypeScript needs between two eager ops. */
const SPINS: i32 = 20000;

/** Takes the next of `count` tiles of a share of the command `sequence`; -1 when none is left, or the command is long over. */
function claim(at: usize, sequence: u32, count: i32): i32 {
  while (true) {
    const word = atomic.load<u64>(at);
    const age = <i32>(sequence - <u32>(word >> 32));
    if (age < 0) return -1;
    const tile = age > 0 ? 0 : <i32>word;
    if (tile >= count) return -1;
    if (atomic.cmpxchg<u64>(at, word, ((<u64>sequence) << 32) | <u64>(tile + 1)) == word) return tile;
  }
}

/** Takes tiles until the run is over. */
function help(control: usize, worker: i32): void {
  const members = atomic.load<i32>(control + MEMBERS);
  while (true) {
    const sequence = atomic.load<u32>(control + OPEN);
    const range = atomic.load<u64>(control + RANGE), begin = <u32>(range >> 32);
    if (sequence - begin >= <u32>range - begin) return;
    const command = atomic.load<usize>(control + COMMANDS) + <usize>(sequence - begin) * COMMAND_BYTES;
    const kernel = load<i32>(command), record = load<usize>(command, 4), tiles = load<i32>(command, 8);
    // The command may be over and the run another one: then what was read above means nothing.
    if (atomic.load<u32>(control + OPEN) != sequence) continue;
    let done = 0;
    for (let i = 0, share = worker; i < members; i++) {
      const first = <i32>(<i64>share * tiles / members), count = <i32>(<i64>(share + 1) * tiles / members) - first;
      const at = control + CLAIMS + <usize>share * CLAIM_BYTES;
      for (let tile = claim(at, sequence, count); tile >= 0; tile = claim(at, sequence, count), done++) {
        tileOf(kernel, record, first + tile, worker);
      }
      if (++share == members) share = 0;
    }
    // Counted once, not for each tile: the word moves from core to core.
    if (done && <i32>atomic.add<u32>(control + DONE, done) + done == tiles) {
      atomic.store<u32>(control + DONE, 0);
      atomic.store<u32>(control + OPEN, sequence + 1);
      continue;
    }
    for (let looks = atomic.load<u64>(control + PATIENCE); atomic.load<u32>(control + OPEN) == sequence; looks--) {
      if (looks == 0) fail(control);
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
 * not), it spins for the last tiles of the others. @returns 0, or 1 when a helper's kernel trapped or a helper was ended in the
 * middle of a tile: then the others may still be at work.
 */
export function runTeam(commands: usize, count: i32, control: usize): i32 {
  const begin = <u32>atomic.load<u64>(control + RANGE) + 1;
  atomic.store<usize>(control + COMMANDS, commands);
  atomic.store<u64>(control + RANGE, ((<u64>begin) << 32) | <u64>(begin + <u32>count));
  atomic.store<u32>(control + DONE, 0);
  atomic.store<u32>(control + OPEN, begin);
  atomic.add<u32>(control + GENERATION, 1);
  atomic.notify(control + GENERATION, -1);
  help(control, 0);
  return <i32>(atomic.load<u32>(control + OPEN) - begin < <u32>count);
}

/** Tells the helpers to leave. */
export function quit(control: usize): void {
  atomic.store<u32>(control + QUIT, 1);
  atomic.add<u32>(control + GENERATION, 1);
  atomic.notify(control + GENERATION, -1);
}

/** Called for a helper whose kernel trapped, or that has ended. */
export function fail(control: usize): void {
  atomic.store<u32>(control + FAILED, 1);
}
