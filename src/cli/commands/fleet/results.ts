import { once } from "node:events";
import type { Command } from "../../command.ts";
import { loadFleet, looking, nameFirst, redisOption } from "./common.ts";

export const fleetResults: Command = {
  name: "fleet results",
  summary: "Print a job's results, one JSON object a line, in the order of its pictures.",
  usage: "[options] NAME [FOLDER…]",
  without: ["backend", "relaxed", "threads"],
  options: {
    ...redisOption,
    partial: { type: "boolean", help: "what there is, of a job that is not finished" },
  },
  examples: [
    "resnet-ts fleet results birds > labels.jsonl",
    "resnet-ts fleet results birds /copies/worker1 /copies/worker2 > labels.jsonl",
  ],
  async run(values, positionals) {
    const { name, rest } = nameFirst("fleet results", positionals);
    const fleet = await loadFleet();
    const options = looking(values);
    const quiet = { ...options, onNote: () => {} };
    for await (const text of fleet.results(name, { ...options, out: rest, partial: values.partial === true })) {
      // A reader that is slow holds us back, instead of filling our memory.
      if (text !== "" && !process.stdout.write(text)) await once(process.stdout, "drain");
    }
    const { failed, chunks } = await fleet.status(name, quiet);
    if (failed + chunks.failed > 0) {
      console.error(`${failed} pictures were given up and have no line: resnet-ts fleet status ${name} --failures`);
    }
    return 0;
  },
};
