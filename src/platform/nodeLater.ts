import nodeModule from "node:module"; // webpack takes calls of an imported `createRequire` for its own, and leaves nothing of them

// Parts of Node that few programs need. Imported above, node:crypto was a third of the time that importing the library takes.

const load = <T>(name: string): T => requireHere()(name) as T;

/** Finds modules from this file, or from the working folder where a bundler made a CommonJS file of it, which knows no `import.meta.url`. */
export const requireHere = () =>
  nodeModule.createRequire((import.meta.url as string | undefined) ?? `${process.cwd()}/`);

export const cryptoModule = () => load<typeof import("node:crypto")>("node:crypto");
export const threadsModule = () => load<typeof import("node:worker_threads")>("node:worker_threads");
