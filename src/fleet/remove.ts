import { jobsKey, keyOf, keysOf, queuePrefix, readJob } from "./job.ts";
import { loadBullMq } from "./packages.ts";
import { type LookOptions, withRedis } from "./status.ts";

/** Takes a job out of Redis; files of results stay, and are used again when it is submitted anew. @throws FleetError */
export const remove = (name: string, options: LookOptions = {}): Promise<void> =>
  withRedis(options, async (client) => {
    // A removal that was interrupted has left the name in the list, and is done to its end.
    if ((await client.zscore(jobsKey, name)) === null) await readJob(client, name);
    const { Queue } = await loadBullMq();
    const queue = new Queue(name, { connection: client, prefix: queuePrefix, skipVersionCheck: true });
    queue.on("error", () => {});
    try {
      await client.del(keyOf(name, "settings")); // first: whoever submits or works on it notices
      await queue.obliterate({ force: true });
    } finally {
      await queue.close();
    }
    await client.del(...keysOf(name));
    await client.zrem(jobsKey, name);
  });
