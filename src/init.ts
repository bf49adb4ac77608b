import type { Backend, BackendInfo } from "./backend/backend.ts";
import { currentBackend } from "./backend/current.ts";
import { ArgumentError, UnknownNameError } from "./errors.ts";
import { setMemory } from "./tensor/memory.ts";

const backends = ["wasm", "js"] as const;

export interface InitOptions {
  /** `"wasm"` (default) or `"js"`, the same operations in plain TypeScript for places where WebAssembly is forbidden. */
  readonly backend?: (typeof backends)[number];
  /** Threads of the wasm backend; 1 by default. */
  readonly threads?: number;
  /** Use the relaxed-SIMD binary where the engine has it: faster, but bits depend on the CPU. */
  readonly relaxed?: boolean;
  /** The wasm binary, where it shall not be the inlined one. */
  readonly wasm?: WebAssembly.Module | URL | Response | BufferSource;
  /** Address of the worker script, where a bundler or a server put it elsewhere than beside the library. */
  readonly worker?: string | URL;
}

let ready: Promise<Backend> | undefined;
let settled: string | undefined;

/**
 * Loads a backend and makes it current. Idempotent: the same options again change nothing; other options load another
 * backend (networks made before are moved to it with `await net.to()`).
 */
export async function init(options: InitOptions = {}): Promise<BackendInfo> {
  const { backend = "wasm", threads = 1, relaxed = false, wasm, worker } = options;
  if (!backends.includes(backend)) throw new UnknownNameError("backend", backend, backends);
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new ArgumentError(`init: threads must be a whole number from 1 to 256, got ${threads}`);
  }
  const key = JSON.stringify([backend, threads, relaxed]);
  if (ready === undefined || (settled !== key && Object.keys(options).length > 0)) {
    settled = key;
    const sources = { ...(wasm === undefined ? {} : { wasm }), ...(worker === undefined ? {} : { worker }) };
    ready = load({ backend, threads, relaxed, ...sources });
    ready.catch(() => {
      ready = undefined;
    });
  }
  const made = await ready;
  setMemory(made);
  return made.info();
}

async function load(
  options: Required<Omit<InitOptions, "wasm" | "worker">> & Pick<InitOptions, "wasm" | "worker">,
): Promise<Backend> {
  if (options.backend === "js") return (await import("./backend/js/backend.ts")).createJsBackend();
  return (await import("./backend/wasm/backend.ts")).createWasmBackend(options);
}

/** Which backend runs, with which binary and how many threads, why, and how much memory it uses. */
export function info(): BackendInfo {
  return currentBackend().info();
}
