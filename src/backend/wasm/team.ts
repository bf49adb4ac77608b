import { spawnWorker } from "#worker";
import { ResNetError } from "../../errors.ts";
import type { Spawned } from "../../worker/spawn.ts";
import { Allocator } from "./allocator.ts";
import { type BinaryName, type Exports, instantiateBinary, type TeamExports } from "./binary.ts";
import type { Failed, Join, Ready } from "./member.ts";

/** Shared memories reserve their maximum at once; small devices refuse 4 GiB. */
const maximumPages = [65536, 32768, 16384, 8192];
const initialPages = 16;
// The control block (assembly/team.ts): shared words, one of them the number of members, then a claim for each member on a cache line of its own.
const membersWord = 22;
const sharedBytes = 128;
const memberBytes = 64;

export interface Team {
  readonly threads: number;
  /** As a one-thread binary's, but `run` shares the work. */
  readonly exports: Exports;
  readonly allocator: Allocator;
  dispose(): void;
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
  allocator.i32[(control >> 2) + membersWord] = threads;

  const workers: Spawned[] = [];
  let dead: Error | undefined;
  const starting: Promise<void>[] = [];
  for (let i = 1; i < threads; i++) {
    starting.push(
      new Promise((resolve, reject) => {
        const worker = spawnWorker(script); // throws at once for another origin's script, or where Trusted Types forbid it
        workers.push(worker);
        const fail = (error: Error) => {
          dead ??= error;
          reject(error);
        };
        worker.listen((answer) => {
          const { kind } = answer as Ready | Failed;
          if (kind === "ready") resolve();
          else fail(new Error((answer as Failed).message));
        }, fail);
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

  const run = (commands: number, count: number): void => {
    if (exports.runTeam(commands, count, control) !== 0) {
      throw new ResNetError(`wasm: a worker thread stopped in the middle of a run${dead ? ` (${dead.message})` : ""}`, {
        code: "ERR_WORKER",
        cause: dead,
      });
    }
  };
  const dispose = () => {
    exports.quit(control);
    for (const worker of workers) worker.terminate();
  };
  const shared = { ...exports, run };
  forgotten ??= new FinalizationRegistry((end) => end());
  forgotten.register(shared, dispose);
  return { threads, exports: shared, allocator, dispose };
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
