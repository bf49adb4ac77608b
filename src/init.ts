import type { Backend, BackendInfo } from "./backend/backend.ts";
import { currentBackend } from "./backend/current.ts";
import { ArgumentError, ResNetError, UnknownNameError } from "./errors.ts";
import { setMemory } from "./tensor/memory.ts";

const backends = ["wasm", "webgpu", "js", "auto"] as const;

/** Which backend, binary and number of threads. */
export interface InitOptions {
  /**
   * `"wasm"`; `"webgpu"`; `"js"`, the same operations in plain TypeScript, slow; or `"auto"`: WebGPU where a graphics card is there and
   * passes a self-test, else wasm. When left out: wasm, and js where a content security policy or the engine allows no
   * WebAssembly. `info().reasons` says what was chosen and why.
   */
  readonly backend?: (typeof backends)[number];
  /** Threads of the wasm backend; 1 by default. */
  readonly threads?: number;
  /** Use the relaxed-SIMD binary where the engine has it: faster, but bits depend on the CPU. */
  readonly relaxed?: boolean;
  /** The wasm binary, where it shall not be the inlined one. */
  readonly wasm?: WebAssembly.Module | URL | Response | BufferSource;
  /** Where WebGPU adapters come from: `navigator.gpu` by default, in Node the optional package `webgpu`. */
  readonly gpu?: {
    /** As `GPU.requestAdapter` of the WebGPU standard. */
    requestAdapter(options?: object): Promise<unknown>;
  };
  /** Address of the worker script, where a bundler or a server put it elsewhere than beside the library. */
  readonly worker?: string | URL;
}

let ready: Promise<Backend> | undefined;
let settled: readonly unknown[] | undefined;
let asked: InitOptions = {};
/** Whether `ready` is js because there was no wasm to be had. */
let fellBack = false;

/**
 * Loads a backend and makes it current. Idempotent: the same options again change nothing; other options load another
 * backend (networks made before are moved to it with `await net.to()`).
 */
export async function init(options: InitOptions = {}): Promise<BackendInfo> {
  const { backend, threads = 1, relaxed = false, wasm, worker, gpu } = options;
  if (backend !== undefined && !backends.includes(backend)) throw new UnknownNameError("backend", backend, backends);
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new ArgumentError(`init: threads must be a whole number from 1 to 256, got ${threads}`);
  }
  const key = [backend ?? "wasm", threads, relaxed, wasm instanceof URL ? wasm.href : wasm, worker?.toString(), gpu];
  const same = settled?.every((value, i) => value === key[i]) && !(fellBack && backend === "wasm");
  if (ready === undefined || (!same && Object.keys(options).length > 0) || (await lost(ready))) {
    settled = key;
    asked = options;
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

/** What `init` was asked for last: a classifier in a worker is set up in the same way. */
export function initOptions(): InitOptions {
  return asked;
}

/** A GPU that went away takes its backend with it. */
async function lost(backend: Promise<Backend>): Promise<boolean> {
  return (await backend.catch(() => undefined))?.lost === true;
}

async function load({ backend, gpu, ...options }: InitOptions): Promise<Backend> {
  const notes: string[] = [];
  if (backend === "webgpu" || backend === "auto") {
    const made = await loadWebGpu(gpu as GPU | undefined, backend === "webgpu", notes);
    if (made !== undefined) return made;
  }
  return loadOnProcessor(backend === "webgpu" || backend === "auto" ? undefined : backend, options, notes);
}

/** WebGPU, or undefined and a note why not. @throws ResNetError when it was asked for by name and is not there */
async function loadWebGpu(gpu: GPU | undefined, named: boolean, notes: string[]): Promise<Backend | undefined> {
  const [{ createWebGpuBackend }, { createJsBackend }, { selfTest }] = await Promise.all([
    import("./backend/webgpu/backend.ts"),
    import("./backend/js/backend.ts"),
    import("./backend/selfTest.ts"),
  ]);
  try {
    const made = await createWebGpuBackend({ fallback: named, ...(gpu === undefined ? {} : { gpu }) });
    const wrong = await selfTest(made, createJsBackend());
    if (wrong === undefined) return made;
    notes.push(`WebGPU is here, but its self-test found wrong numbers (${wrong}): ${made.info().binary}`);
    made.dispose();
  } catch (error) {
    if (named || !(error instanceof ResNetError)) throw error;
    notes.push(error.message);
  }
  return undefined;
}

async function loadOnProcessor(
  backend: "wasm" | "js" | undefined,
  { threads = 1, relaxed = false, ...sources }: InitOptions,
  notes: string[],
): Promise<Backend> {
  let reason: string | undefined;
  fellBack = false;
  if (backend !== "js") {
    const { createWasmBackend } = await import("./backend/wasm/backend.ts");
    try {
      return await createWasmBackend({ threads, relaxed, notes, ...sources });
    } catch (error) {
      if (backend !== undefined || !(error instanceof ResNetError) || error.code !== "ERR_NO_WASM") throw error;
      reason = [...notes, error.message].join("; ");
      fellBack = true;
    }
  }
  return (await import("./backend/js/backend.ts")).createJsBackend(reason);
}

/** Which backend runs, with which binary and how many threads, why, and how much memory it uses. */
export function info(): BackendInfo {
  return currentBackend().info();
}
