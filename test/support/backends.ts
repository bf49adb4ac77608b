import type { Backend } from "../../src/backend/backend.ts";
import { createJsBackend } from "../../src/backend/js/backend.ts";
import { createWasmBackend } from "../../src/backend/wasm/backend.ts";
import { setMemory } from "../../src/tensor/memory.ts";

export interface TestBackend {
  /** `js`, `wasm`, `wasm relaxed`, `wasm 2 threads` … */
  readonly label: string;
  /** Gives the bits of every other strict wasm backend, whatever the number of threads. */
  readonly strictWasm: boolean;
  readonly backend: Backend;
}

const wanted = [
  { label: "wasm", threads: 1, relaxed: false },
  { label: "wasm 2 threads", threads: 2, relaxed: false },
  { label: "wasm 4 threads", threads: 4, relaxed: false },
  { label: "wasm relaxed", threads: 1, relaxed: true },
] as const;

/** The smallest module with an instruction of relaxed SIMD: valid where the engine has it. */
const relaxedProbe = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15,
  253, 128, 2, 11,
]);

/**
 * Every backend that this runtime has. What it lacks is said aloud; what it has and fails to load is an error, not a
 * shorter run.
 */
export async function testBackends(): Promise<TestBackend[]> {
  const found: TestBackend[] = [{ label: "js", strictWasm: false, backend: createJsBackend() }];
  for (const { label, threads, relaxed } of wanted) {
    if (relaxed && !WebAssembly.validate(relaxedProbe)) {
      console.log(`${label}: this runtime has no relaxed SIMD, its rows do not run`);
      continue;
    }
    if (threads > 1 && typeof SharedArrayBuffer === "undefined") {
      console.log(`${label}: this runtime has no shared memory, its rows do not run`);
      continue;
    }
    const backend = await createWasmBackend({ threads, relaxed });
    const { threads: running } = backend.info();
    if (running !== threads) {
      console.log(`${label}: the backend runs ${running} thread(s) here, its rows do not run`);
      backend.dispose();
      continue;
    }
    found.push({ label, strictWasm: !relaxed, backend });
  }
  return found;
}

/** Runs `body` with this backend current; nothing may be left in its memory afterwards. */
export function withTestBackend<T>({ backend, label }: TestBackend, body: () => T): T {
  const previous = setMemory(backend);
  const before = backend.info().memory.used;
  try {
    const result = body();
    const after = backend.info().memory.used;
    if (after !== before) throw new Error(`${label}: ${after - before} bytes were not given back`);
    return result;
  } finally {
    setMemory(previous);
  }
}
