import { type BinaryName, instantiateBinary, type TeamExports } from "./binary.ts";

/** Asks a worker to join a team: it never answers another message. */
export interface Join {
  readonly kind: "team";
  readonly name: BinaryName;
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: number;
  /** From 1; the caller is 0. */
  readonly index: number;
}

export function isJoin(message: unknown): message is Join {
  return (message as Partial<Join> | null)?.kind === "team";
}

/** Runs in the worker: stays inside WebAssembly until the team is dismissed. */
export async function join(message: Join, post: (answer: Joined) => void): Promise<void> {
  const { name, module, memory, control, index } = message;
  let exports: TeamExports | undefined;
  try {
    exports = await instantiateBinary<TeamExports>(name, memory, module);
    post({ ready: true });
    exports.work(control, index);
  } catch (error) {
    exports?.fail(control);
    post({ message: error instanceof Error ? error.message : String(error) });
  }
}

/** A thread's answer, and what it says when it fails later. */
export interface Joined {
  readonly ready?: true;
  readonly message?: string;
}
