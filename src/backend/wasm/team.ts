import { spawnWorker } from "#worker";
import { ResNetError } from "../../errors.ts";
import type { Spawned } from "../../worker/spawn.ts";
import { Allocator } from "./allocator.ts";
import { type BinaryName, type Exports, instantiateBinary, type TeamExports } from "./binary.ts";
import type { Join, Joined } from "./member.ts";

/** Shared memories reserve their maximum at once; small devices refuse 4 GiB. */
const maximumPages = [65536, 32768, 16384, 8192];
const initialPages = 16;
// The control block (assembly/team.ts): shared words, among them the number of members and, three words on, the patience; then a claim
// for each member on a cache line of its own.
const membersWord = 22;
/** Times 2^32 looks at whether others have finished: about a minute, and a tile takes milliseconds. */
const patience = 4;
const sharedBytes = 128;
const memberBytes = 64;

/** Threads on one memory; one alone has nothing to lose or to dispose of. */
export interface Team {
  readonly threads: number;
  /** As a one-thread binary's, but `run` shares the work. */
  readonly exports: Exports;
  readonly allocator: Allocator;
  /** A run was broken off: no other will be begun. */
  readonly lost?: boolean;
  dispose?(): void;
}

/** Ends the workers of a team whose exports nobody holds any more: no backend, no compiled network. Made with the first team: edge workers, which have no threads, may have no FinalizationRegistry. */
let forgotten: FinalizationRegistry<() => void> | undefined;

/** Starts `threads - 1` workers that stay inside the module and claim tiles. @throws ResNetError when one does not start */
export async function startTeam(
  name: BinaryName,
  module: WebAssembly.Module,
  threads: number,
  script?: string | URL,
): Promise<Team> {
  const memory = sharedMemory();
  const exports = await instantiateBinary<TeamExports>(name, memory, module);
  const allocator = new Allocator(memory, exports.heapBase());
  const controlBytes = sharedBytes + threads * memberBytes;
  const control = allocator.alloc(controlBytes, "the team's control block");
  allocator.i32.fill(0, control >> 2, (control + controlBytes) >> 2);
  allocator.i32.set([threads, 0, 0, patience], (control >> 2) + membersWord);

  const workers: Spawned[] = [];
  const starting: Promise<void>[] = [];
  for (let i = 1; i < threads; i++) {
    starting.push(
      new Promise((resolve, reject) => {
        const worker = spawnWorker(script); // throws at once for another origin's script, or where Trusted Types forbid it
        workers.push(worker);
        worker.listen((answer) => {
          const { ready, message } = answer as Joined; // another script may say anything
          if (ready) resolve();
          else reject(new Error(message));
        }, reject);
        worker.post({ kind: "team", name, module, memory, control, index: i } satisfies Join);
      }),
    );
  }
  try {
    await Promise.all(starting);
  } catch (cause) {
    for (const worker of workers) worker.terminate();
    throw new ResNetError(
      `wasm: a worker thread did not start (${cause instanceof Error ? cause.message : String(cause)}); use threads: 1, or say ` +
        "where worker.js lies",
      { code: "ERR_WORKER", cause },
    );
  }
  for (const worker of workers) worker.idle?.();

  const dispose = () => {
    exports.quit(control);
    for (const worker of workers) worker.terminate();
  };
  // Still set after a run that a helper's end or a trap broke off, or Ctrl-C in a REPL, which no `finally` sees: others may be at
  // work on it and write to memory that has been given to somebody else. So the team is given up, and the next `init` makes another.
  let running = false;
  const run = (commands: number, count: number): void => {
    if (!running) {
      running = true;
      running = exports.runTeam(commands, count, control) > 0;
      if (!running) return;
    }
    dispose();
    throw new ResNetError("wasm: a worker thread stopped in a run; init starts others", {
      code: "ERR_WORKER",
    });
  };
  const shared = { ...exports, run };
  forgotten ??= new FinalizationRegistry((end) => end());
  forgotten.register(shared, dispose);
  return {
    threads,
    exports: shared,
    allocator,
    get lost() {
      return running;
    },
    dispose,
  };
}

function sharedMemory(): WebAssembly.Memory {
  let last: unknown;
  for (const maximum of maximumPages) {
    try {
      return new WebAssembly.Memory({ initial: initialPages, maximum, shared: true });
    } catch (error) {
      last = error;
    }
  }
  throw new ResNetError("wasm: no shared memory could be had", { code: "ERR_OUT_OF_MEMORY", cause: last });
}
