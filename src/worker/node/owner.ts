import { parentPort } from "node:worker_threads";
import type { Owner } from "../spawn.ts";

/** Who started this thread. */
export function owner(): Owner {
  const port = parentPort;
  if (port === null) throw new Error("this script is started by the library; it does nothing on its own");
  return {
    post: (message, transfer = []) => port.postMessage(message, transfer as never),
    listen: (receive) => port.on("message", receive),
  };
}
