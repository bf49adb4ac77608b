/** Bytes that are held at most (and one chunk more), for whoever takes them slowly. */
const LIMIT = 2 ** 20;

/**
 * Reads a body as its bytes come, ahead of whoever takes them. A stream that fails drops what nobody has read yet: with Node
 * from 24 on a connection that broke while the disk was busy lost all that it had brought, and a file over a connection that
 * always breaks early never came. Here what came is given first, then the failure.
 */
export class ReadAhead {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #queue: Uint8Array[] = [];
  #held = 0;
  #end: { readonly error?: unknown } | undefined;
  /** Of the one side that waits: the reading side only with a full queue, the taking side only with an empty one. */
  #wake = (): void => {};

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
    void this.#readAll();
  }

  /** The next bytes, or undefined at the end; throws what broke the stream once everything before it was taken. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#queue.length === 0 && this.#end === undefined) await this.#change();
    const bytes = this.#queue.shift();
    if (bytes !== undefined) {
      this.#held -= bytes.length;
      this.#wake();
      return bytes;
    }
    if (this.#end !== undefined && "error" in this.#end) throw this.#end.error;
    return undefined;
  }

  /** Closes the connection; never fails. */
  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  async #readAll(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.#queue.push(value);
        this.#held += value.length;
        this.#wake();
        while (this.#held >= LIMIT) await this.#change();
      }
      this.#end = {};
    } catch (error) {
      this.#end = { error };
    }
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
