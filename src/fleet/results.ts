import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { chunkName, parseFailed, resultsFolder, sha256 } from "./chunkFile.ts";
import { FleetError } from "./errors.ts";
import { type Job, readJob } from "./job.ts";
import { type Done, readDone } from "./records.ts";
import { connect } from "./redis.ts";
import type { LookOptions } from "./status.ts";

/** Which job's results, and in which form. */
export interface ResultsOptions extends LookOptions {
  /** Output folders of the workers, where they are not reached under the workers' own paths. */
  readonly out?: readonly string[];
  /** What there is, of a job that is not finished. */
  readonly partial?: boolean;
}

/** Chunks that are asked for at a time. */
const GROUP = 500;

/**
 * The results in the order of the pictures, each of them once, as text of whole lines: one chunk is in memory at a time. Each
 * file is compared with the hash that its worker recorded. Pictures that were given up are left out.
 * @throws FleetError when the job is not finished, or a file is missing or damaged
 */
export async function* results(name: string, options: ResultsOptions = {}): AsyncGenerator<string> {
  const client = await connect(options.redis, options.onNote === undefined ? {} : { onNote: options.onNote });
  try {
    const job = await readJob(client, name);
    const { chunks = 0 } = job;
    if (options.partial !== true) await checkFinished(client, job);
    for (let from = 0; from < chunks; from += GROUP) {
      const group = await readDone(client, name, from, Math.min(chunks, from + GROUP));
      for (const [i, done] of group.entries()) {
        if (done !== undefined) yield good(readChunk(job, from + i, done, options.out));
      }
    }
  } finally {
    client.disconnect();
  }
}

async function checkFinished(client: Awaited<ReturnType<typeof connect>>, job: Job): Promise<void> {
  const which = `job ${JSON.stringify(job.name)}`;
  if (job.chunks === undefined) {
    throw new FleetError(`${which} is not submitted as a whole yet; submit it again, or ask for --partial results`, {
      code: "ERR_NOT_FINISHED",
    });
  }
  let missing = 0;
  for (let from = 0; from < job.chunks; from += GROUP) {
    const group = await readDone(client, job.name, from, Math.min(job.chunks, from + GROUP));
    missing += group.filter((done) => done === undefined).length;
  }
  if (missing > 0) {
    throw new FleetError(
      `${which} is not finished: ${job.chunks - missing} of ${job.chunks} chunks are done; wait, or ask for --partial results`,
      { code: "ERR_NOT_FINISHED" },
    );
  }
}

function good(text: string): string {
  if (!text.includes('"failed":')) return text;
  return text
    .split(/(?<=\n)/)
    .filter((line) => parseFailed(line) === undefined)
    .join("");
}

/** A chunk's file from the first folder that has it as it was recorded. @throws FleetError */
export function readChunk(job: Job, chunk: number, done: Done, out: readonly string[] = []): string {
  const tried: string[] = [];
  for (const folder of [...out.map((path) => resolve(path)), done.out]) {
    const path = join(resultsFolder(folder, job, job.probe ?? ""), chunkName(chunk, done.round));
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      tried.push(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
      continue;
    }
    if (sha256(text) === done.sha256) return text;
    tried.push(`${path} is not what was recorded: it was changed or damaged`);
  }
  throw new FleetError(
    `chunk ${chunk} was done by ${done.host} into ${done.out}, and is not found here: ${tried.join("; ")}; ` +
      "bring that folder here and name it with --out; where it is lost, remove the job and submit it again",
    { code: "ERR_OUTPUT" },
  );
}
