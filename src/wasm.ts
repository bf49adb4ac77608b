/**
 * `resnet-ts/wasm`: addresses of the kernels as files, for those who would rather fetch a binary than have it inlined:
 * `init({ wasm: strict })`. The files lie beside this module in the published package.
 */

/** Strict SIMD, one thread: the default binary. */
export const strict: URL = new URL("./strict.wasm", import.meta.url);
/** Strict SIMD on shared memory, for `init({ threads: 2 })` and more. */
export const strictThreads: URL = new URL("./strict-threads.wasm", import.meta.url);
/** Relaxed SIMD: bits depend on the CPU. */
export const relaxed: URL = new URL("./relaxed.wasm", import.meta.url);
/** Relaxed SIMD on shared memory. */
export const relaxedThreads: URL = new URL("./relaxed-threads.wasm", import.meta.url);
