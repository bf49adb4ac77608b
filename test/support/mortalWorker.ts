// A worker script of a user's own: the library's, but it ends when it is asked to embed.
import { parentPort } from "node:worker_threads";
import "../../src/worker/node/classifierWorker.ts";

parentPort?.on("message", ({ kind }: { kind: string }) => {
  if (kind === "embed") process.exit(3);
});
