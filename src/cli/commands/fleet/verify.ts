import { type Command, count, text } from "../../command.ts";
import { fetching, networkOptions } from "../../network.ts";
import { Progress } from "../../progress.ts";
import { loadFleet, looking, nameFirst, redisOption, strictOnly } from "./common.ts";

const { weights, offline, "allow-non-commercial": nonCommercial } = networkOptions;

export const fleetVerify: Command = {
  name: "fleet verify",
  summary: "Compute a sample of a job again on this machine, and demand the same bits.",
  usage: "[options] NAME [FOLDER…]",
  without: ["backend", "relaxed", "threads"],
  options: {
    ...redisOption,
    sample: { type: "string", value: "N", help: "pictures, chosen at random; 100 by default" },
    weights: { ...weights!, help: "a copy of the job's weights, where they are not where it says" },
    offline: offline!,
    "allow-non-commercial": nonCommercial!,
  },
  examples: ["resnet-ts fleet verify birds --sample 100"],
  async run(values, positionals) {
    strictOnly(values);
    const { name, rest } = nameFirst("fleet verify", positionals);
    const sample = count(values, "sample", 100);
    const copy = text(values, "weights");
    const fleet = await loadFleet();
    const progress = new Progress("verify", sample);
    const result = await fleet.verify(name, {
      ...looking(values),
      out: rest,
      sample,
      ...(copy === undefined ? {} : { weights: copy }),
      fetch: fetching(values),
      onProgress: (done) => progress.update(done),
    });
    progress.end();
    const { checked, equal, differences, unread } = result;
    for (const { file, recorded, here } of differences.slice(0, 5)) {
      console.error(`${file}\n  recorded  ${recorded}\n  here      ${here}`);
    }
    for (const { file, reason } of unread.slice(0, 5)) console.error(`${file}: ${reason}`);
    if (values.json)
      console.log(JSON.stringify({ job: name, checked, equal, different: differences.map((d) => d.file), unread }));
    else {
      const others = unread.length === 0 ? "" : `; ${unread.length} could not be read, and were not compared`;
      console.log(`${equal} of ${checked} pictures give the same bits here${others}`);
    }
    return equal === checked && unread.length === 0 ? 0 : 1;
  },
};
