import { httpFetch, openFile } from "#platform";
import { DownloadError, FileFormatError } from "../errors.ts";
import { reason } from "../io/reason.ts";
import { readAtMost } from "../platform/readAtMost.ts";

/** No picture file is larger; what is must not be read into memory to find that out. */
const MAX_BYTES = 2 ** 29;

const tooLarge = (name: string, size: number) =>
  new FileFormatError(name, `is ${size} bytes long or more: a picture file of more than ${MAX_BYTES} is not read`);

/**
 * The bytes of a picture file by its path (Node, Deno, Bun), `file:` URL, or address.
 * @throws FileAccessError, DownloadError, FileFormatError
 */
export async function readPictureFile(source: string | URL, signal?: AbortSignal): Promise<Uint8Array> {
  const name = String(source);
  if (/^(?:https?|data|blob):/i.test(name)) return download(name, signal);
  const file = openFile(source);
  if (file === undefined) return download(name, signal); // there are no paths here, so it is an address beside the page
  if (file.size > MAX_BYTES) throw tooLarge(name, file.size);
  const bytes = new Uint8Array(file.size);
  file.readInto(bytes, 0);
  return bytes;
}

async function download(url: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const shown = url.startsWith("data:") ? `${url.slice(0, 40)}...` : url;
  let response: Response;
  try {
    // Weights and pictures come by one way: where that is a proxy's, for both.
    response = await (/^https?:/i.test(url) ? httpFetch : fetch)(url, signal === undefined ? {} : { signal });
    const { body } = response;
    const length = Number(response.headers.get("content-length"));
    if (response.ok && !(length > MAX_BYTES)) {
      const bytes = body === null ? new Uint8Array() : await readAtMost(body, MAX_BYTES);
      if (bytes === undefined) throw tooLarge(shown, MAX_BYTES + 1);
      return bytes;
    }
    await body?.cancel(); // one that nobody reads keeps a process alive
    if (response.ok) throw tooLarge(shown, length);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof FileFormatError) throw cause;
    throw new DownloadError(shown, `the picture could not be fetched: ${reason(cause)}`, { cause });
  }
  throw new DownloadError(shown, `the server answered ${response.status} ${response.statusText}`, {
    status: response.status,
  });
}
