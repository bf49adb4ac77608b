import { DownloadError, ResNetError } from "../errors.ts";
import type { Part } from "../platform/cacheStore.ts";
import { ReadAhead } from "./readAhead.ts";
import { reason } from "./reason.ts";
import { isTemporary, retryAfter } from "./retry.ts";

/** A failure that another try may mend; `wait` is what the server asked for, in milliseconds. */
export class Interrupted extends Error {
  readonly wait: number | undefined;
  readonly status: number | undefined;

  constructor(message: string, options: { wait?: number | undefined; status?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.wait = options.wait;
    this.status = options.status;
  }
}

export interface TransferOptions {
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly stallTimeout: number;
  /** More bytes than this are not taken, whatever the server says. */
  readonly maxBytes: number;
  /** The content is checked later, so that what came without a validator may be continued. */
  readonly checked: boolean;
  onBytes(loaded: number, total: number | undefined): void;
}

/** Aborts when nothing happens for too long, or when the caller does. */
class Watch {
  stalled = false;
  readonly #controller = new AbortController();
  readonly #timeout: number;
  readonly #outer: AbortSignal | undefined;
  readonly #forward = () => this.#controller.abort(this.#outer?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeout: number, outer: AbortSignal | undefined) {
    this.#timeout = timeout;
    this.#outer = outer;
    outer?.throwIfAborted();
    outer?.addEventListener("abort", this.#forward);
    this.touch();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.stalled = true;
      this.#controller.abort();
    }, this.#timeout);
  }

  /** Closes the connection. */
  close(): void {
    this.#controller.abort();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#forward);
  }
}

/** Fills the part with the rest of the file, or throws: `Interrupted` where it may be tried again. */
export async function transfer(url: string, part: Part, options: TransferOptions): Promise<void> {
  const watch = new Watch(options.stallTimeout, options.signal);
  let told: { readonly error: unknown } | undefined;
  const onBytes: TransferOptions["onBytes"] = (loaded, total) => {
    try {
      options.onBytes(loaded, total);
    } catch (error) {
      told = { error };
      throw error;
    }
  };
  try {
    const body = await request(url, part, options, watch);
    if (body === undefined) return; // everything is there already
    await receive(url, body, part, { ...options, onBytes }, watch);
  } catch (cause) {
    watch.close();
    if (told !== undefined) throw told.error; // the listener's own, which no other try mends
    options.signal?.throwIfAborted();
    if (cause instanceof Interrupted || cause instanceof ResNetError) throw cause;
    if (watch.stalled) throw new Interrupted(`no byte came for ${options.stallTimeout / 1000} s`, { cause });
    throw new Interrupted(cause instanceof Error ? `the connection broke: ${reason(cause)}` : String(cause), { cause });
  } finally {
    watch.end();
  }
}

/**
 * Sends the request, for the rest where there is a part that can be continued, and looks at the answer's head. Whoever hears that it failed
 * closes the connection.
 */
async function request(
  url: string,
  part: Part,
  options: TransferOptions,
  watch: Watch,
): Promise<ReadAhead | undefined> {
  const { note, size } = part;
  const continues = size > 0 && note !== undefined && (note.validator !== undefined || options.checked);
  if (continues && note.total === size) return undefined;
  const headers: Record<string, string> = continues ? { Range: `bytes=${size}-` } : {};
  if (continues && note.validator !== undefined) headers["If-Range"] = note.validator;
  const response = await options.fetch(url, { headers, signal: watch.signal });

  const { status } = response;
  if (status === 416 && continues) {
    await response.body?.cancel().catch(() => {});
    const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
    if (total !== undefined && Number(total) === size) return undefined;
    await part.reset({ validator: undefined, total: undefined });
    throw new Interrupted("the server does not have the rest of this file; it begins anew", { wait: 0, status });
  }
  if (status !== 200 && !(status === 206 && continues)) {
    const text = `the server answered ${status} ${response.statusText}`.trim();
    if (isTemporary(status)) {
      throw new Interrupted(text, { wait: retryAfter(response.headers.get("retry-after")), status });
    }
    throw new DownloadError(url, text, { status });
  }
  if (/^text\/html\b/i.test(response.headers.get("content-type") ?? "")) {
    throw new DownloadError(url, "the server sent a web page (a login, or an error), not the file", { status });
  }
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
    const total = range?.[2] === undefined || range[2] === "*" ? undefined : Number(range[2]);
    const differs = total !== undefined && note?.total !== undefined && total !== note.total;
    if (range === null || Number(range[1]) !== size || differs) {
      await part.reset({ validator: undefined, total: undefined });
      throw new Interrupted("the server sent another part than was asked for; it begins anew", { wait: 0, status });
    }
  }
  if (response.body === null) throw new Interrupted("the answer has no body");
  const body = new ReadAhead(response.body); // before the disk is waited for
  if (status === 200) await part.reset({ validator: validator(response), total: lengthOf(response) });
  return body;
}

async function receive(
  url: string,
  body: ReadAhead,
  part: Part,
  options: TransferOptions,
  watch: Watch,
): Promise<void> {
  const total = part.note?.total;
  const limit = Math.min(total ?? Number.POSITIVE_INFINITY, options.maxBytes);
  if (total !== undefined && total > options.maxBytes) {
    throw new DownloadError(url, `the file has ${total} bytes; at most ${options.maxBytes} are taken`);
  }
  options.onBytes(part.size, total);
  for (;;) {
    const value = await body.next();
    if (value === undefined) break;
    options.signal?.throwIfAborted(); // what was read ahead is not written any more
    watch.touch();
    if (part.size + value.length > limit) {
      await body.cancel();
      const what = total === undefined ? `${options.maxBytes} bytes` : `the ${total} bytes that were announced`;
      throw new DownloadError(url, `the server sends more than ${what}`, { code: "ERR_DOWNLOAD_LENGTH" });
    }
    await part.append(value);
    options.onBytes(part.size, total);
  }
  if (total !== undefined && part.size < total) {
    throw new Interrupted(`the connection ended after ${part.size} of ${total} bytes`);
  }
}

/** Only what names one exact sequence of bytes may continue it: a weak ETag does not. */
function validator(response: Response): string | undefined {
  if (lengthOf(response) === undefined) return undefined;
  const etag = response.headers.get("etag");
  if (etag?.startsWith('"')) return etag;
  return response.headers.get("last-modified") ?? undefined;
}

/** Of the file; a content that was packed for the way has another length, which says nothing. */
function lengthOf(response: Response): number | undefined {
  const encoding = response.headers.get("content-encoding");
  const length = response.headers.get("content-length");
  const plain = encoding === null || encoding === "identity";
  return plain && length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
}
