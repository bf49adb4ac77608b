// What TypeScript sees. No allocation, no mutable statics: memory above heapBase() belongs to src/backend/wasm/memory.ts.
export { run } from "./run";

/** First address that the binary itself does not use. */
export function heapBase(): usize {
  return __heap_base;
}
