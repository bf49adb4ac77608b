import { hasWorkers } from "#worker";
import { type BinaryName, chooseBinary } from "./binary.ts";

export interface WasmOptions {
  readonly threads: number;
  readonly relaxed: boolean;
  /** Why wasm and not another backend, for `info()`. */
  readonly notes?: readonly string[];
  /** Address of worker.js where it is not beside the library. */
  readonly worker?: string | URL;
}

/** Why this place cannot have threads, in words that end a sentence; undefined where it can. */
export function whyNoTeam(): string | undefined {
  if (!hasWorkers()) return "this runtime cannot start workers";
  if (typeof SharedArrayBuffer === "undefined") {
    return (
      "SharedArrayBuffer is missing (a page needs cross-origin isolation: Cross-Origin-Opener-Policy: same-origin and " +
      "Cross-Origin-Embedder-Policy: require-corp)"
    );
  }
  return undefined;
}

/** Which binary these options lead to, and why. */
export function plan(options: WasmOptions): { name: BinaryName; reasons: string[] } {
  const choice = chooseBinary(options.relaxed);
  const reasons = [...(options.notes ?? []), choice.reason];
  if (options.threads === 1) return { name: choice.name, reasons };
  const asked = `${options.threads} threads were asked for`;
  const missing = whyNoTeam();
  if (missing !== undefined) {
    return { name: choice.name, reasons: [...reasons, `${asked}, but ${missing}: one thread instead`] };
  }
  reasons.push(`${asked}: ${options.threads - 1} workers help on one shared memory`);
  return { name: `${choice.name}Threads`, reasons };
}
