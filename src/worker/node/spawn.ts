import type { Worker } from "node:worker_threads";
import { threadsModule } from "../../platform/nodeLater.ts";
import type { DataWorkers } from "../data/workers.ts";
import type { Spawned } from "../spawn.ts";

export function hasWorkers(): boolean {
  return true;
}

/** Paths mean the same in a worker. */
export const absolute = (address: string): string => address;

/** Starts `worker.js`, which lies beside this file (in the package: beside the bundle). @param script another address */
export function spawnWorker(script?: string | URL): Spawned {
  return start(script ?? new URL("./worker.js", import.meta.url));
}

/** Starts `classifierWorker.js`, which lies beside as well. @param script another address */
export function spawnClassifier(script?: string | URL): Spawned {
  return start(script ?? new URL("./classifierWorker.js", import.meta.url));
}

/** Their script, `dataWorker.js`, lies beside as well. */
export const dataWorkers: DataWorkers | undefined = {
  async open(job) {
    const { openPool } = await import("../data/open.ts");
    return openPool(job, () => start(job.dataWorker ?? new URL("./dataWorker.js", import.meta.url)));
  },
};

function start(script: string | URL): Spawned {
  // On its way to another worker a URL was a string, which Node takes for a path.
  const place = /^file:/.test(String(script)) ? new URL(script) : script;
  const worker: Worker = new (threadsModule().Worker)(place);
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer as never),
    listen(receive, fail) {
      worker.on("message", receive);
      worker.on("messageerror", fail);
      worker.on("error", fail);
      worker.on("exit", (code) => fail(new Error(`the worker ended (exit code ${code})`)));
    },
    idle: () => worker.unref(),
    busy: () => worker.ref(),
    terminate() {
      void worker.terminate();
    },
  };
}
