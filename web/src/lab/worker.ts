import { init } from "resnet-ts";
import * as look from "./look.ts";
import * as measure from "./measure.ts";
import type { Calls, Name, Reply, Request } from "./protocol.ts";
import * as teach from "./teach.ts";
import * as train from "./train.ts";

type Promised = { readonly [K in Name]: (...args: Parameters<Calls[K]>) => Promise<ReturnType<Calls[K]>> };

const calls: Promised = {
  describe: look.describe,
  maps: look.maps,
  predict: look.predict,
  startTraining: train.startTraining,
  pause: train.pause,
  embed: teach.embed,
  teach: teach.teach,
  ask: teach.ask,
  peak: measure.peak,
  time: measure.time,
  hash: measure.hash,
};
const post = (reply: Reply): void => postMessage(reply);

addEventListener("message", async ({ data }: MessageEvent<Request>) => {
  const { id, call, args } = data;
  try {
    if (call !== "time") await init();
    const run = calls[call] as (...args: readonly unknown[]) => Promise<unknown>;
    post({ id, value: await run(...args) });
  } catch (error) {
    post({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
