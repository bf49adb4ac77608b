import { createRequire } from "node:module";

// Parts of Node that few programs need. Imported above, node:crypto was a third of the time that importing the library takes.

const load = <T>(name: string): T => createRequire(import.meta.url)(name) as T;

export const cryptoModule = () => load<typeof import("node:crypto")>("node:crypto");
export const threadsModule = () => load<typeof import("node:worker_threads")>("node:worker_threads");
