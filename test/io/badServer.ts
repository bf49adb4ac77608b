import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a request asked for, as far as the tests care. */
export interface Seen {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A server on this machine whose answers are a function of the request and of how many there were before. */
export async function serve(handler: Handler): Promise<{ url: string; seen: Seen[]; close(): Promise<void> }> {
  const seen: Seen[] = [];
  const server: Server = createServer((request, response) => {
    const { range, "if-range": ifRange } = request.headers;
    seen.push({ path: request.url ?? "", range, ifRange: ifRange as string | undefined });
    handler(request, response, seen.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export interface File {
  readonly data: Uint8Array;
  readonly etag?: string;
}

/** An honest answer's head: 200, or 206 and 416 for ranges, with If-Range. Gives the bytes that should follow. */
export function head(request: IncomingMessage, response: ServerResponse, { data, etag }: File): Uint8Array {
  if (etag !== undefined) response.setHeader("etag", etag);
  const { range, "if-range": ifRange } = request.headers;
  const start = range === undefined ? undefined : Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
  if (start === undefined || (ifRange !== undefined && ifRange !== etag)) {
    response.writeHead(200, { "content-length": data.length });
    return data;
  }
  if (start >= data.length) {
    response.writeHead(416, { "content-range": `bytes */${data.length}` });
    return new Uint8Array(0);
  }
  const rest = data.subarray(start);
  response.writeHead(206, {
    "content-length": rest.length,
    "content-range": `bytes ${start}-${data.length - 1}/${data.length}`,
  });
  return rest;
}

export function honest(file: File): Handler {
  return (request, response) => response.end(head(request, response, file));
}

/** So many bytes, then the connection is cut. */
export function cutAfter(bytes: number, file: File): Handler {
  return (request, response) => {
    const rest = head(request, response, file);
    if (rest.length <= bytes) response.end(rest);
    // Not destroy(), which would also drop what is on its way.
    else response.write(rest.subarray(0, bytes), () => response.socket?.end());
  };
}
