import { parentPort } from "node:worker_threads";
import { serve } from "../serve.ts";

const port = parentPort;
if (port === null) throw new Error("worker.js is started by the library; it does nothing on its own");
serve({
  post: (message, transfer = []) => port.postMessage(message, transfer as never),
  listen: (receive) => port.on("message", receive),
});
