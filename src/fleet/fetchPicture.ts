import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { httpFetch } from "#platform";
import { ResNetError } from "../errors.ts";
import { isTemporary } from "../io/retry.ts";
import { readAtMost } from "../platform/readAtMost.ts";
import { messageOf } from "./errors.ts";
import { errorCode, getObject, isRefusedRequester } from "./s3.ts";

/** No picture file is larger (as in vision/open.ts). */
const MAX_BYTES = 2 ** 29;

/** Milliseconds that one picture may take. */
const TIMEOUT = 60_000;

/**
 * Why a picture's bytes were not had. `isTemporary`: another try may have them. `isHere`: it is this machine's fault, and every
 * other picture would fare the same.
 */
export class FetchFailure extends Error {
  readonly isTemporary: boolean;
  readonly isHere: boolean;

  constructor(reason: string, isTemporary: boolean, isHere = false) {
    super(reason);
    this.isTemporary = isTemporary;
    this.isHere = isHere;
  }
}

/** What another try on the same disk would not mend. */
const lasting: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "is a folder, not a file",
  EACCES: "permission to read it is missing",
  EPERM: "permission to read it is missing",
  ENAMETOOLONG: "the path is too long",
  ELOOP: "its links lead in circles",
  ERR_INVALID_FILE_URL_HOST: "is a file on another machine",
  ERR_INVALID_FILE_URL_PATH: "is no address of a file",
};

/** The bytes of a picture by its path, `file:`, `http(s):` or `s3:` address. @throws FetchFailure */
export async function fetchPicture(reference: string): Promise<Uint8Array<ArrayBuffer>> {
  if (/^(?:https?|file):/i.test(reference) && !URL.canParse(reference))
    throw new FetchFailure("is no address that can be read", false);
  if (/^https?:/i.test(reference))
    return download(() => httpFetch(reference, { signal: AbortSignal.timeout(TIMEOUT) }));
  if (/^s3:/i.test(reference)) return download(() => getObject(reference, AbortSignal.timeout(TIMEOUT)), true);
  try {
    const path = /^file:/i.test(reference) ? fileURLToPath(reference) : reference;
    const known = await stat(path);
    if (!known.isFile()) throw new FetchFailure(known.isDirectory() ? lasting.EISDIR! : "is not a file", false);
    if (known.size > MAX_BYTES) throw tooLarge(known.size);
    return alone(await readFile(path));
  } catch (error) {
    if (error instanceof FetchFailure) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? messageOf(error);
    throw new FetchFailure(lasting[code] ?? `cannot be read (${code})`, lasting[code] === undefined);
  }
}

/** Small pieces come out of a pool that others use as well: what is sent to another thread must stand alone. */
const alone = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.byteLength === bytes.buffer.byteLength ? new Uint8Array(bytes.buffer as ArrayBuffer) : new Uint8Array(bytes);

const tooLarge = (size: number): FetchFailure =>
  new FetchFailure(`is ${size} bytes long: a picture file of more than ${MAX_BYTES} is not read`, false);

async function download(ask: () => Promise<Response>, s3 = false): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await ask();
    if (!response.ok) {
      const { status, statusText } = response;
      const code = s3 ? errorCode(await response.text()) : undefined;
      if (!s3) await response.body?.cancel();
      const answer = `the server answered ${`${status} ${code ?? statusText}`.trimEnd()}`;
      if (code === undefined || !isRefusedRequester(code)) throw new FetchFailure(answer, isTemporary(status));
      throw new FetchFailure(
        `${answer}: look at this machine's credentials and region (AWS_…) and its clock`,
        false,
        true,
      );
    }
    const length = Number(response.headers.get("content-length") ?? 0);
    if (length > MAX_BYTES) {
      await response.body?.cancel();
      throw tooLarge(length);
    }
    const bytes = response.body === null ? new Uint8Array() : await readAtMost(response.body, MAX_BYTES);
    if (bytes === undefined) throw new FetchFailure(`is longer than ${MAX_BYTES} bytes: no picture file is`, false);
    return alone(bytes);
  } catch (error) {
    if (error instanceof FetchFailure) throw error;
    if (error instanceof ResNetError)
      throw new FetchFailure(error.message, false, error.code === "ERR_MISSING_PACKAGE");
    const { cause, name } = error as Error & { cause?: NodeJS.ErrnoException };
    const why =
      name === "TimeoutError" ? `no answer in ${TIMEOUT / 1000} s` : (cause?.code ?? messageOf(cause ?? error));
    throw new FetchFailure(`could not be fetched (${why})`, true);
  }
}
