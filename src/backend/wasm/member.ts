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
export async function join(message: Join, post: (answer: Ready | Failed) => void): Promise<void> {
  const { name, module, memory, control, index } = message;
  let exports: TeamExports | undefined;
  try {
    exports = await instantiateBinary<TeamExports>(name, memory, module);
    post({ kind: "ready" });
    exports.work(control, index);
  } catch (error) {
    exports?.fail(control);
    post({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

export interface Ready {
  readonly kind: "ready";
}

export interface Failed {
  readonly kind: "failed";
  readonly message: string;
}
