import type { Backend } from "../backend.ts";

export interface WasmOptions {
  readonly threads: number;
  readonly relaxed: boolean;
  readonly wasm?: WebAssembly.Module | URL | Response | BufferSource;
}

export async function createWasmBackend(_options: WasmOptions): Promise<Backend> {
  throw new Error("not yet");
}
