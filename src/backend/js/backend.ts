import type { Backend } from "../backend.ts";

/** The contract in plain TypeScript. */
export function createJsBackend(): Backend {
  throw new Error("not yet");
}
