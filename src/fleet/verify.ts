import { randomInt } from "node:crypto";
import { type CheckModelOptions, checkModel } from "./checkModel.ts";
import { parseFailed } from "./chunkFile.ts";
import { Engine } from "./engine.ts";
import { FleetError } from "./errors.ts";
import { FetchFailure, fetchPicture } from "./fetchPicture.ts";
import { type Job, keyOf, readJob } from "./job.ts";
import { readDone } from "./records.ts";
import { readChunk } from "./results.ts";
import { type LookOptions, withRedis } from "./status.ts";

/** Which job to check, and how much of it. */
export interface VerifyOptions extends LookOptions, CheckModelOptions {
  readonly out?: readonly string[];
  /** Pictures to compute again; 100 by default. */
  readonly sample?: number;
  /** Called as pictures are classified again. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What was compared, and what differed. */
export interface Verified {
  readonly job: string;
  readonly checked: number;
  readonly equal: number;
  readonly differences: readonly { readonly file: string; readonly recorded: string; readonly here: string }[];
  /** Pictures that could not be fetched here, and why; they are not among those that were checked. */
  readonly unread: readonly { readonly file: string; readonly reason: string }[];
}

/**
 * Computes a random sample of a job's pictures on this machine and compares whole lines: every digit of every probability, and
 * the hash of the network's output. Strict mode gives the same bits everywhere, so that any difference is a fault.
 * @throws FleetError
 */
export const verify = (name: string, options: VerifyOptions = {}): Promise<Verified> =>
  withRedis(options, async (client) => {
    const { sample = 100, out, onProgress = () => {} } = options;
    const job = await readJob(client, name);
    const spec = await checkModel(job, options);
    const places = choose(job, sample);
    const engine = await Engine.open(spec);
    const differences: { file: string; recorded: string; here: string }[] = [];
    const unread: { file: string; reason: string }[] = [];
    let checked = 0;
    try {
      for (const [chunk, lines] of places) {
        const [done] = await readDone(client, name, chunk, chunk + 1);
        if (done === undefined) continue;
        const text = readChunk(job, chunk, done, out).split("\n");
        const wanted = [...lines]
          .map((i) => text[i])
          .filter((line): line is string => line !== undefined && line !== "");
        const recorded = wanted.filter((line) => parseFailed(line) === undefined);
        for (let at = 0; at < recorded.length; at += engine.batch) {
          const group = recorded.slice(at, at + engine.batch);
          for (const [i, here] of (await again(engine, group)).entries()) {
            const [recorded, file] = [group[i]!, fileOf(group[i]!)];
            if (here instanceof FetchFailure) unread.push({ file, reason: here.message });
            else checked++;
            if (here instanceof FetchFailure || here === recorded) continue;
            differences.push({ file, recorded, here });
          }
          onProgress(checked + unread.length, sample);
        }
      }
    } finally {
      engine.close();
    }
    if (checked + unread.length === 0) {
      const done = await client.hget(keyOf(name, "totals"), "ok");
      throw new FleetError(
        `job ${JSON.stringify(name)}: none of the pictures that were chosen is done (${done ?? 0} are)`,
        {
          code: "ERR_NOT_FINISHED",
        },
      );
    }
    return { job: name, checked, equal: checked - differences.length, differences, unread };
  });

const fileOf = (line: string): string => (JSON.parse(line) as { file: string }).file;

/** Places of a random sample, by chunk. */
function choose({ pictures = 0, chunk: size }: Job, sample: number): Map<number, Set<number>> {
  const places = new Set<number>();
  if (pictures <= sample) for (let i = 0; i < pictures; i++) places.add(i);
  else while (places.size < sample) places.add(randomInt(pictures));
  const chunks = new Map<number, Set<number>>();
  for (const place of [...places].sort((a, b) => a - b)) {
    const chunk = Math.floor(place / size);
    chunks.set(chunk, (chunks.get(chunk) ?? new Set()).add(place % size));
  }
  return chunks;
}

/** The lines as they come out here. @throws FleetError where no picture can be fetched */
async function again(engine: Engine, lines: readonly string[]): Promise<(string | FetchFailure)[]> {
  const results: (string | FetchFailure)[] = new Array(lines.length);
  const pictures: { file: string; bytes: Uint8Array<ArrayBuffer> }[] = [];
  const places: number[] = [];
  for (const [i, line] of lines.entries()) {
    const file = fileOf(line);
    try {
      pictures.push({ file, bytes: await fetchPicture(file) });
      places.push(i);
    } catch (error) {
      if (!(error instanceof FetchFailure)) throw error;
      if (error.isHere) throw new FleetError(`${file}: ${error.message}`, { code: "ERR_FETCH", cause: error });
      results[i] = error;
    }
  }
  for (const [n, outcome] of (pictures.length > 0 ? await engine.run(pictures) : []).entries()) {
    results[places[n]!] = "line" in outcome ? outcome.line : outcome.reason;
  }
  return results;
}
