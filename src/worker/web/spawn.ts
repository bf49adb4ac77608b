import type { DataWorkers } from "../data/workers.ts";
import type { Spawned } from "../spawn.ts";
import { isLife, watchLife } from "./life.ts";

/** Edge workers cannot start workers. */
export function hasWorkers(): boolean {
  return typeof Worker !== "undefined";
}

/** An address beside the page means another one in a worker, whose script lies elsewhere. */
export function absolute(address: string): string {
  return typeof document === "object" ? new URL(address, document.baseURI).href : address;
}

/** Starts `worker.js`, which lies beside this file; bundlers know this form and pack it. @param script another address */
export function spawnWorker(script?: string | URL): Spawned {
  return wrap(
    script === undefined
      ? new Worker(new URL("./worker.js", import.meta.url), { type: "module" })
      : new Worker(script, { type: "module" }),
    script ?? "worker.js beside the library",
  );
}

/** Starts `classifierWorker.js` in the same way. @param script another address */
export function spawnClassifier(script?: string | URL): Spawned {
  return wrap(
    script === undefined
      ? new Worker(new URL("./classifierWorker.js", import.meta.url), { type: "module" })
      : new Worker(script, { type: "module" }),
    script ?? "classifierWorker.js beside the library",
  );
}

/** None: pixels can be shared with a worker in isolated pages only, so batches are made where the network is trained. */
export const dataWorkers: DataWorkers | undefined = undefined;

function wrap(worker: Worker, where: string | URL): Spawned {
  let stop: (() => void) | undefined;
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer as Transferable[]),
    listen(receive, fail) {
      worker.onmessage = ({ data }) => {
        if (isLife(data)) stop = watchLife(data, () => fail(new Error("the browser ended it")));
        else receive(data);
      };
      worker.onmessageerror = () => fail(new Error("a message could not be read"));
      worker.onerror = (event) => {
        event.preventDefault();
        fail(new Error(event.message || `the worker script ${where} could not be loaded`));
      };
    },
    terminate() {
      stop?.();
      worker.terminate();
    },
  };
}
