import { Worker } from "node:worker_threads";
import type { Spawned } from "../spawn.ts";

export function hasWorkers(): boolean {
  return true;
}

/** Starts `worker.js`, which lies beside this file (in the package: beside the bundle). @param script another address */
export function spawnWorker(script?: string | URL): Spawned {
  const worker = new Worker(script ?? new URL("./worker.js", import.meta.url));
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer as never),
    listen(receive, fail) {
      worker.on("message", receive);
      worker.on("error", fail);
      worker.on("exit", (code) => fail(new Error(`the worker ended (exit code ${code})`)));
    },
    idle: () => worker.unref(),
    terminate() {
      void worker.terminate();
    },
  };
}
