import { type Command, count, text, UsageError } from "../../command.ts";
import { fetching, networkOptions } from "../../network.ts";
import { loadFleet, looking, redisOption, strictOnly } from "./common.ts";

const { weights, offline, "allow-non-commercial": nonCommercial } = networkOptions;

export const fleetWork: Command = {
  name: "fleet work",
  summary: "Take chunks of pictures from the queue, on as many machines as you like, until told to stop.",
  usage: "--out FOLDER [options] [NAME…]",
  without: ["backend", "relaxed"],
  options: {
    ...redisOption,
    out: { type: "string", short: "o", value: "FOLDER", help: "where results go; several workers may share it" },
    threads: { type: "string", value: "N", help: "engines, each on a core; 1 by default" },
    once: { type: "boolean", help: "leave when nothing is left to do, instead of waiting for new jobs" },
    lock: { type: "string", value: "SECONDS", help: "silence after which a worker counts as dead; 30 by default" },
    weights: { ...weights!, help: "a copy of the job's weights, where they are not where it says" },
    offline: offline!,
    "allow-non-commercial": nonCommercial!,
  },
  examples: [
    "resnet-ts fleet work --redis redis://queue:6379 --out /shared/results --threads 8",
    "resnet-ts fleet work birds --once --out results",
  ],
  async run(values, positionals) {
    strictOnly(values);
    const out = text(values, "out");
    if (out === undefined) throw new UsageError("fleet work needs --out FOLDER");
    const copy = text(values, "weights");
    const { work } = await loadFleet();
    const stop = new AbortController();
    const told = (signal: NodeJS.Signals): void => {
      if (stop.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143);
      console.error(`${signal}: the chunks that are begun are finished first; once more to leave at once`);
      stop.abort();
    };
    process.on("SIGINT", told).on("SIGTERM", told);
    try {
      const done = await work({
        ...looking(values),
        out,
        ...(positionals.length > 0 ? { jobs: positionals } : {}),
        threads: count(values, "threads", 1),
        lock: count(values, "lock", 30),
        once: values.once === true,
        ...(copy === undefined ? {} : { weights: copy }),
        fetch: fetching(values),
        signal: stop.signal,
      });
      if (values.json) console.log(JSON.stringify(done));
      else console.log(`${done.chunks} chunks done: ${done.pictures} pictures, ${done.failed} given up`);
      return 0;
    } finally {
      process.off("SIGINT", told).off("SIGTERM", told);
    }
  },
};
