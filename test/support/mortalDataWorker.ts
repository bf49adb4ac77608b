// A data worker that makes two batches and then ends, as one without memory would.
import { parentPort } from "node:worker_threads";
import "../../src/worker/node/dataWorker.ts";

let batches = 0;
parentPort?.on("message", ({ kind }: { kind: string }) => {
  if (kind === "batch" && ++batches === 3) process.exit(3);
});
