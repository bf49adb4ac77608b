import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";

/** Texts that are in memory at a time: about 10 MB of paths. */
const RUN = 50_000;

/**
 * Texts in the order of their code units, however many there are: sorted runs go to temporary files, and are merged. A folder's
 * own order is not the same on two machines, and chunks are named by what is in them.
 */
export async function* sorted(texts: AsyncIterable<string>, runLength = RUN): AsyncGenerator<string> {
  let folder: string | undefined;
  let run: string[] = [];
  const files: string[] = [];
  try {
    for await (const text of texts) {
      run.push(text);
      if (run.length < runLength) continue;
      folder ??= await mkdtemp(join(tmpdir(), "resnet-ts-sort-"));
      const file = join(folder, String(files.length));
      await pipeline(lines(run.sort()), createWriteStream(file));
      files.push(file);
      run = [];
    }
    run.sort();
    if (files.length === 0) yield* run;
    else yield* merged([...files.map(readRun), asRun(run)]);
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** As JSON: a path may have a line feed in it. */
function* lines(run: readonly string[]): Generator<string> {
  for (const text of run) yield `${JSON.stringify(text)}\n`;
}

async function* readRun(file: string): AsyncGenerator<string> {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    yield JSON.parse(line) as string;
  }
}

async function* asRun(run: readonly string[]): AsyncGenerator<string> {
  yield* run;
}

async function* merged(runs: readonly AsyncGenerator<string>[]): AsyncGenerator<string> {
  const heads = await Promise.all(runs.map((run) => run.next()));
  for (;;) {
    let least = -1;
    for (const [i, head] of heads.entries()) {
      if (!head.done && (least < 0 || head.value < (heads[least]!.value as string))) least = i;
    }
    if (least < 0) return;
    yield heads[least]!.value as string;
    heads[least] = await runs[least]!.next();
  }
}
