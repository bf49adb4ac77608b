import type { Backend, BackendInfo } from "./backend/backend.ts";
import { currentBackend } from "./backend/current.ts";
import { ArgumentError, ResNetError, UnknownNameError } from "./errors.ts";
import { checkOptions } from "./options.ts";
import { isKind } from "./platform/kinds.ts";
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
  /** Threads of the wasm backend; 1 by default. More than there are cores wait for one another: sixteen on two take ten times as long as two. */
  readonly threads?: number;
  /** Use the relaxed-SIMD binary where the engine has it: faster, but bits depend on the CPU. */
  readonly relaxed?: boolean;
  /** The wasm binary, where it shall not be the inlined one: its address, a Response, its bytes, or a compiled WebAssembly.Module. */
  readonly wasm?: URL | Response | ArrayBuffer | ArrayBufferView | object; // a module's type has no members: anything fits it, 5 as well
  /** Where WebGPU adapters come from: `navigator.gpu` by default, in Node the optional package `webgpu`. */
  readonly gpu?: {
    /** As `GPU.requestAdapter` of the WebGPU standard. */
    requestAdapter(options?: object): Promise<unknown>;
  };
  /** Address of the worker script, where a bundler or a server put it elsewhere than beside the library. */
  readonly worker?: string | URL;
}

/** One call of `init` that loads a backend. */
interface Attempt {
  readonly key: readonly unknown[];
  readonly options: InitOptions;
  readonly backend: Promise<Backend>;
}

/** The newest that succeeded, if any, and behind it those that are newer and still on their way. */
let attempts: readonly Attempt[] = [];

/**
 * Loads a backend and makes it current. Idempotent: the same options again, or none, change nothing; other options load another
 * backend (networks made before are moved to it with `await net.to()`). When that fails, everything stays as it was; of calls
 * at the same time the last one holds.
 */
export async function init(options: InitOptions = {}): Promise<BackendInfo> {
  checkInit(options);
  const { backend, threads = 1, relaxed = false, wasm, worker, gpu } = options;
  const key = [backend ?? "wasm", threads, relaxed, isKind(wasm, "URL") ? wasm.href : wasm, worker?.toString(), gpu];
  let mine = attempts.at(-1);
  const same = mine?.key.every((value, i) => value === key[i]);
  if (mine === undefined || (!same && Object.keys(options).length > 0) || (await unfit(mine.backend, backend))) {
    mine = begin(key, options);
  }
  const made = await mine.backend;
  if (attempts.includes(mine)) setMemory(made);
  return made.info();
}

/** For workers, too, whose `init` is not called here. @throws ArgumentError, UnknownNameError */
export function checkInit(options: InitOptions): void {
  if (Object(options) !== options) throw new ArgumentError(`init: expected { backend, threads, … }, got ${options}`);
  checkOptions("init", options, "backend threads relaxed wasm worker gpu");
  const { backend, threads = 1 } = options;
  if (backend !== undefined && !backends.includes(backend)) throw new UnknownNameError("backend", backend, backends);
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new ArgumentError(`init: threads must be a whole number from 1 to 256, got ${threads}`);
  }
}

function begin(key: readonly unknown[], options: InitOptions): Attempt {
  const mine: Attempt = { key, options, backend: load(options) };
  attempts = [...attempts, mine];
  mine.backend.then(
    () => {
      attempts = attempts.slice(Math.max(0, attempts.indexOf(mine)));
    },
    () => {
      attempts = attempts.filter((other) => other !== mine);
    },
  );
  return mine;
}

/** What `init` was asked for last and could do: a classifier in a worker is set up in the same way. */
export function initOptions(): InitOptions {
  return attempts.at(-1)?.options ?? {};
}

/** A GPU that went away takes its backend with it; js stands in for wasm only where that was not asked for by name. */
async function unfit(backend: Promise<Backend>, wanted: InitOptions["backend"]): Promise<boolean> {
  const made = await backend.catch(() => undefined);
  return made?.lost === true || (wanted === "wasm" && made?.name === "js");
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
    if (named) throw error;
    notes.push(error instanceof ResNetError ? error.message : `WebGPU: ${error}`);
  }
  return undefined;
}

async function loadOnProcessor(
  backend: "wasm" | "js" | undefined,
  { threads = 1, relaxed = false, ...sources }: InitOptions,
  notes: string[],
): Promise<Backend> {
  let reason: string | undefined;
  if (backend !== "js") {
    const { createWasmBackend } = await import("./backend/wasm/backend.ts");
    try {
      return await createWasmBackend({ threads, relaxed, notes, ...sources });
    } catch (error) {
      if (backend !== undefined || !(error instanceof ResNetError) || error.code !== "ERR_NO_WASM") throw error;
      reason = [...notes, error.message].join("; ");
    }
  }
  return (await import("./backend/js/backend.ts")).createJsBackend(reason);
}

/** Which backend runs, with which binary and how many threads, why, and how much memory it uses. */
export function info(): BackendInfo {
  return currentBackend().info();
}
