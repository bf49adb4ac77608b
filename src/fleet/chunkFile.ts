import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { makeFolders } from "../platform/nodeWrite.ts";
import { FleetError } from "./errors.ts";
import type { Job } from "./job.ts";
import { shortHash } from "./model.ts";
import type { FailedPicture } from "./records.ts";

// A chunk's results are one file, with one line for each of its pictures in their order. It appears whole or not at all, and
// whoever comes second leaves the first one's as it is: a chunk that is computed twice changes nothing.

/** Classes in an answer, where nothing else is asked for. */
export const usualTop = 5;

/**
 * The folder of a job's results: no two kinds of weights, bits or answers can meet in it. (The probe tells features from classes.)
 * A job of version 0.1.0, which has no id, has one folder for all kinds of answers.
 */
export function resultsFolder(
  out: string,
  job: Pick<Job, "name" | "hash" | "id" | "what" | "top" | "labels">,
  probe: string,
): string {
  const { name, hash, id, what, top, labels } = job;
  const isUsual = what === "embed" || (top === usualTop && labels === "");
  const answers = isUsual || id === undefined ? "" : `-${sha256(`${top} ${labels}`).slice(0, 8)}`;
  return join(out, name, `${shortHash(hash)}-${probe}${answers}`);
}

/** A chunk that is submitted again has a file of its own: what was written stays as it is. */
export const chunkName = (chunk: number, round = 0): string =>
  `${String(chunk).padStart(8, "0")}${round === 0 ? "" : `-${round}`}.jsonl`;

export const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** The line of a picture that was given up; a result's line has no `failed`. */
export function failedLine(picture: FailedPicture, hash: string): string {
  const { file, reason, attempts } = picture;
  return JSON.stringify({ file, hash: shortHash(hash), failed: reason, attempts });
}

/** Undefined for a result's line. */
export function parseFailed(line: string): FailedPicture | undefined {
  if (!line.includes('"failed":')) return undefined;
  const { file, failed, attempts } = JSON.parse(line) as { file: string; failed?: string; attempts: number };
  return failed === undefined ? undefined : { file, reason: failed, attempts };
}

/** The lines of a chunk's file, where it is there and complete: one for each reference, in their order. */
export function readLines(path: string, references: readonly string[]): string[] | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length !== references.length) return undefined;
  const fits = (line: string, i: number): boolean => {
    try {
      return (JSON.parse(line) as { file?: unknown }).file === references[i];
    } catch {
      return false;
    }
  };
  return lines.every(fits) ? lines : undefined;
}

/** This process, among all that write to a folder: in containers, host names and process numbers are often the same. */
const writer = `${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`;

const partial = (path: string): string => join(dirname(path), "partial", path.slice(dirname(path).length + 1));

/** Lines of a chunk of which some pictures must be tried again, by place. */
export function readPartial(path: string, references: readonly string[]): Map<number, string> {
  const found = new Map<number, string>();
  try {
    const stored = JSON.parse(readFileSync(partial(path), "utf8")) as [number, string][];
    for (const [at, line] of stored) {
      if ((JSON.parse(line) as { file?: unknown }).file === references[at]) found.set(at, line);
    }
  } catch {
    // There is none, or it was cut off: those pictures are computed again.
  }
  return found;
}

export function writePartial(path: string, lines: ReadonlyMap<number, string>): void {
  store(partial(path), JSON.stringify([...lines]), (part, target) => renameSync(part, target));
}

/**
 * Writes a chunk's file unless a complete one is there.
 * @returns the lines that are there now: those of the first writer
 * @throws FleetError `ERR_OUTPUT`
 */
export function writeLines(path: string, lines: readonly string[], references: readonly string[]): readonly string[] {
  let there = lines;
  store(path, `${lines.join("\n")}\n`, (part, target) => {
    try {
      linkSync(part, target); // unlike a rename, it does not replace what is there
      unlinkSync(part);
    } catch (error) {
      const first = readLines(target, references);
      if (first === undefined) {
        // Something damaged is there, or the file system has no links.
        if (
          !["EEXIST", "EPERM", "ENOTSUP", "ENOSYS", "EOPNOTSUPP"].includes((error as NodeJS.ErrnoException).code ?? "")
        )
          throw error;
        renameSync(part, target);
      } else {
        unlinkSync(part);
        there = first;
      }
    }
  });
  discard(partial(path));
  return there;
}

/** Finds out before a picture is computed whether results can be kept in a folder. @throws FleetError `ERR_OUTPUT` */
export function checkFolder(folder: string): void {
  const probe = join(folder, "partial", `check-${writer}`);
  store(probe, "can be written\n", (part) => unlinkSync(part));
}

function store(path: string, text: string, publish: (part: string, target: string) => void): void {
  const folder = dirname(path);
  const part = join(folder, `.${writer}-${path.slice(folder.length + 1)}.part`);
  try {
    makeFolders(folder);
    const fd = openSync(part, "w");
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    publish(part, path);
    syncFolder(folder);
  } catch (cause) {
    discard(part);
    throw outputError(path, cause);
  }
}

function discard(part: string): void {
  try {
    rmSync(part, { force: true });
  } catch {
    // It was never made, or the disk is read-only now.
  }
}

/** A new name is safe from a power cut when the folder is. */
function syncFolder(folder: string): void {
  if (process.platform === "win32") return; // folders cannot be opened there
  const fd = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } catch {
    // Some network file systems cannot; they do it by themselves.
  } finally {
    closeSync(fd);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no folder can be made there",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be larger than is allowed",
  EACCES: "permission to write there is missing",
  EPERM: "permission to write there is missing",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is a file, not a folder",
  EEXIST: "a part of the path is a file, not a folder",
};

function outputError(path: string, cause: unknown): FleetError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new FleetError(`${path} cannot be written: ${reasons[code] ?? code}; nothing of it was kept`, {
    code: "ERR_OUTPUT",
    cause,
  });
}
