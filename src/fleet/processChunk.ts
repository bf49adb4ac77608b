import { failedLine, parseFailed, readLines, readPartial, sha256, writeLines, writePartial } from "./chunkFile.ts";
import type { Outcome, PictureBytes } from "./engine.ts";
import { FleetError } from "./errors.ts";
import { FetchFailure, fetchPicture } from "./fetchPicture.ts";
import type { FailedPicture } from "./records.ts";

export interface ChunkTask {
  /** Of the chunk's file. */
  readonly path: string;
  readonly references: readonly string[];
  /** The chunk's file of the round before: its results are taken, and what was given up is tried again. */
  readonly before?: string;
  /** The model's. */
  readonly hash: string;
  /** 1 at the first. */
  readonly attempt: number;
  /** What can still not be fetched is given up. */
  readonly isLast: boolean;
}

/** As much of the engines as is used. */
export interface Runs {
  readonly batch: number;
  run(pictures: readonly PictureBytes[]): Promise<Outcome[]>;
}

export interface ChunkResult {
  readonly ok: number;
  readonly failed: ReadonlyMap<number, FailedPicture>;
  readonly sha256: string;
  /** False where the file was there already. */
  readonly isNew: boolean;
}

/** Some pictures could not be fetched now, and may be later; all others are kept. */
export class TryAgain extends Error {}

/**
 * Computes a chunk and writes its file. While a batch is computed, the next one is fetched.
 * @throws TryAgain; FleetError `ERR_OUTPUT`, `ERR_FETCH`
 */
export async function processChunk(task: ChunkTask, engines: Runs): Promise<ChunkResult> {
  const { path, references, before, hash, attempt, isLast } = task;
  const there = readLines(path, references);
  if (there !== undefined) return summary(there, false);
  const lines = readPartial(path, references);
  for (const [i, line] of (before === undefined ? [] : (readLines(before, references) ?? [])).entries()) {
    if (parseFailed(line) === undefined) lines.set(i, line);
  }
  const wanted = references.map((_, i) => i).filter((i) => !lines.has(i));
  const delayed = new Map<number, string>();

  const giveUp = (i: number, reason: string): void => {
    lines.set(i, failedLine({ file: references[i]!, reason, attempts: attempt }, hash));
  };
  const batches: number[][] = [];
  for (let i = 0; i < wanted.length; i += engines.batch) batches.push(wanted.slice(i, i + engines.batch));
  let next = fetchBatch(batches[0] ?? [], references);
  for (const i of batches.keys()) {
    const fetched = await next;
    next = fetchBatch(batches[i + 1] ?? [], references);
    const present = fetched.filter((f): f is Fetched & { bytes: Uint8Array<ArrayBuffer> } => f.bytes !== undefined);
    const here = fetched.find(({ failure }) => failure?.isHere);
    if (here !== undefined) {
      writePartial(path, lines);
      throw new FleetError(`${references[here.at]}: ${here.failure!.message}`, { code: "ERR_FETCH" });
    }
    for (const { at, failure } of fetched) {
      if (failure === undefined) continue;
      if (failure.isTemporary && !isLast) delayed.set(at, failure.message);
      else giveUp(at, failure.message);
    }
    if (present.length === 0) continue;
    const outcomes = await engines.run(present.map(({ at, bytes }) => ({ file: references[at]!, bytes })));
    for (const [n, outcome] of outcomes.entries()) {
      const { at } = present[n]!;
      if ("line" in outcome) lines.set(at, outcome.line);
      else giveUp(at, outcome.reason);
    }
  }

  if (delayed.size > 0) {
    writePartial(path, lines);
    const [[at, reason]] = delayed as unknown as [[number, string]];
    throw new TryAgain(`${delayed.size} of ${references.length} pictures are tried again: ${references[at]} ${reason}`);
  }
  const complete = references.map((_, i) => lines.get(i)!);
  return summary(writeLines(path, complete, references), true);
}

interface Fetched {
  readonly at: number;
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly failure?: FetchFailure;
}

/** Never rejects, so that a batch which is fetched ahead can wait for its turn. */
function fetchBatch(places: readonly number[], references: readonly string[]): Promise<Fetched[]> {
  return Promise.all(
    places.map(async (at): Promise<Fetched> => {
      try {
        return { at, bytes: await fetchPicture(references[at]!) };
      } catch (error) {
        return { at, failure: error instanceof FetchFailure ? error : new FetchFailure(String(error), false) };
      }
    }),
  );
}

function summary(lines: readonly string[], isNew: boolean): ChunkResult {
  const failed = new Map<number, FailedPicture>();
  for (const [i, line] of lines.entries()) {
    const picture = parseFailed(line);
    if (picture !== undefined) failed.set(i, picture);
  }
  return { ok: lines.length - failed.size, failed, sha256: sha256(`${lines.join("\n")}\n`), isNew };
}
