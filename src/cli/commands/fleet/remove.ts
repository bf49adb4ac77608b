import { type Command, UsageError } from "../../command.ts";
import { loadFleet, looking, nameFirst, redisOption } from "./common.ts";

export const fleetRemove: Command = {
  name: "fleet remove",
  summary: "Take a job out of the queue for good; files of results stay.",
  usage: "[options] NAME",
  without: ["backend", "relaxed", "threads"],
  options: redisOption,
  examples: ["resnet-ts fleet remove birds"],
  async run(values, positionals) {
    const { name, rest } = nameFirst("fleet remove", positionals);
    if (rest.length > 0) throw new UsageError("fleet remove takes one name");
    const { remove } = await loadFleet();
    await remove(name, looking(values));
    if (values.json) console.log(JSON.stringify({ removed: name }));
    else console.log(`job ${name} is removed`);
    return 0;
  },
};
