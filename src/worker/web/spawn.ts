import type { Spawned } from "../spawn.ts";

/** Edge workers cannot start workers. */
export function hasWorkers(): boolean {
  return typeof Worker !== "undefined";
}

/** Starts `worker.js`, which lies beside this file; bundlers know this form and pack it. @param script another address */
export function spawnWorker(script?: string | URL): Spawned {
  const worker =
    script === undefined
      ? new Worker(new URL("./worker.js", import.meta.url), { type: "module" })
      : new Worker(script, { type: "module" });
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer as Transferable[]),
    listen(receive, fail) {
      worker.onmessage = (event) => receive(event.data);
      worker.onerror = (event) => {
        const where = script ?? new URL("./worker.js", import.meta.url);
        fail(new Error(event.message || `the worker script ${where} could not be loaded`));
      };
    },
    terminate: () => worker.terminate(),
  };
}
