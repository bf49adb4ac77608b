import type { Backend, BackendInfo } from "./backend/backend.ts";
import { currentBackend } from "./backend/current.ts";
import { ArgumentError, ResNetError, UnknownNameError } from "./errors.ts";
import { setMemory } from "./tensor/memory.ts";

const backends = ["wasm", "js"] as const;

export interface InitOptions {
  /**
   * `"wasm"`, or `"js"`: the same operations in plain TypeScript, slow. When left out: wasm, and js where a content security
   * policy or the engine allows no WebAssembly; `info().reasons` says so.
   */
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
let settled: readonly unknown[] | undefined;
/** Whether `ready` is js because there was no wasm to be had. */
let fellBack = false;

/**
 * Loads a backend and makes it current. Idempotent: the same options again change nothing; other options load another
 * backend (networks made before are moved to it with `await net.to()`).
 */
export async function init(options: InitOptions = {}): Promise<BackendInfo> {
  const { backend, threads = 1, relaxed = false, wasm, worker } = options;
  if (backend !== undefined && !backends.includes(backend)) throw new UnknownNameError("backend", backend, backends);
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new ArgumentError(`init: threads must be a whole number from 1 to 256, got ${threads}`);
  }
  const key = [backend ?? "wasm", threads, relaxed, wasm instanceof URL ? wasm.href : wasm, worker?.toString()];
  const same = settled?.every((value, i) => value === key[i]) && !(fellBack && backend === "wasm");
  if (ready === undefined || (!same && Object.keys(options).length > 0)) {
    settled = key;
    const made = load(options);
    ready = made;
    made.catch(() => {
      if (ready === made) ready = undefined;
    });
  }
  const made = await ready;
  setMemory(made);
  return made.info();
}

async function load({ backend, threads = 1, relaxed = false, ...sources }: InitOptions): Promise<Backend> {
  let reason: string | undefined;
  fellBack = false;
  if (backend !== "js") {
    const { createWasmBackend } = await import("./backend/wasm/backend.ts");
    try {
      return await createWasmBackend({ threads, relaxed, ...sources });
    } catch (error) {
      if (backend !== undefined || !(error instanceof ResNetError) || error.code !== "ERR_NO_WASM") throw error;
      reason = error.message;
      fellBack = true;
    }
  }
  return (await import("./backend/js/backend.ts")).createJsBackend(reason);
}

/** Which backend runs, with which binary and how many threads, why, and how much memory it uses. */
export function info(): BackendInfo {
  return currentBackend().info();
}
