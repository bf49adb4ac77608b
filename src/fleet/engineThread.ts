import { parentPort, workerData } from "node:worker_threads";
import { Engine, type EngineSpec, type PictureBytes } from "./engine.ts";
import type { FromThread, ToThread } from "./engines.ts";

// An engine on a thread of its own: while it computes, the main thread fetches, writes, and tells Redis that it is alive.

const port = parentPort;
if (port === null) throw new Error("engineThread.js is started by the fleet; it does nothing on its own");
const send = (message: FromThread): void => port.postMessage(message);

const engine = await Engine.open(workerData as EngineSpec);
send({ kind: "ready", batch: engine.batch, probe: await engine.probe() });

/** One batch after the other, in the order in which they came. */
let last: Promise<void> = Promise.resolve();
port.on("message", ({ id, pictures }: ToThread) => {
  last = last.then(() => answer(id, pictures));
});

async function answer(id: number, pictures: readonly PictureBytes[]): Promise<void> {
  try {
    send({ kind: "done", id, outcomes: await engine.run(pictures) });
  } catch (error) {
    send({ kind: "failed", id, error });
  }
}
