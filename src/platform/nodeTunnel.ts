import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import type { ReadableStream as NodeStream } from "node:stream/web";
import { connect as tlsConnect } from "node:tls";

import { proxyFor } from "./proxyFor.ts";

const MAX_REDIRECTS = 10;

/** One hop after the other, because each may have another proxy, or none. */
export async function followed(start: URL, init: RequestInit): Promise<Response> {
  let url = start;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const proxy = proxyFor(url);
    const response =
      proxy === undefined ? await fetch(url, { ...init, redirect: "manual" }) : await through(proxy, url, init);
    const location = response.headers.get("location");
    if (location === null || ![301, 302, 303, 307, 308].includes(response.status)) return response;
    await response.body?.cancel().catch(() => {});
    url = new URL(location, url);
  }
  throw new TypeError(`more than ${MAX_REDIRECTS} redirects`);
}

async function through(proxy: URL, url: URL, init: RequestInit): Promise<Response> {
  if (proxy.protocol !== "http:" && proxy.protocol !== "https:") {
    throw new TypeError(`the proxy ${proxy.protocol}//${proxy.host} is not of a kind that is supported (http, https)`);
  }
  const signal = init.signal ?? undefined;
  const headers = { ...Object.fromEntries(new Headers(init.headers)), host: url.host };
  if (url.protocol === "http:") {
    const hop = { ...proxyOptions(proxy), path: url.href, headers: { ...headers, ...credentials(proxy) } };
    return toResponse(await send(proxy.protocol, { ...hop, ...(signal && { signal }) }));
  }
  const socket = await tunnel(proxy, url, signal);
  const createConnection = () => tlsConnect({ socket, servername: url.hostname });
  const options: RequestOptions = {
    path: url.pathname + url.search,
    headers,
    createConnection,
    ...(signal && { signal }),
  };
  return toResponse(await send("http:", options));
}

/** A connection to the address's host that the proxy passes on without looking at it. */
function tunnel(proxy: URL, url: URL, signal: AbortSignal | undefined) {
  const path = `${url.hostname}:${url.port || 443}`;
  const headers = { host: path, ...credentials(proxy) };
  const options = { ...proxyOptions(proxy), method: "CONNECT", path, headers, ...(signal && { signal }) };
  return new Promise<Socket>((resolve, reject) => {
    const request = (proxy.protocol === "https:" ? httpsRequest : httpRequest)(options);
    request.once("error", reject);
    request.once("connect", (answer, socket) => {
      if (answer.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(
        new TypeError(`the proxy ${proxy.host} answered ${answer.statusCode} ${answer.statusMessage ?? ""}`.trim()),
      );
    });
    request.end();
  });
}

const proxyOptions = (proxy: URL): RequestOptions => ({
  host: proxy.hostname.replace(/^\[|\]$/g, ""),
  port: proxy.port || (proxy.protocol === "https:" ? 443 : 80),
  agent: false as const,
});

function credentials(proxy: URL): Record<string, string> {
  if (proxy.username === "") return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

function send(protocol: string, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (protocol === "https:" ? httpsRequest : httpRequest)(options, resolve);
    request.once("error", reject);
    request.end();
  });
}

function toResponse(message: IncomingMessage): Response {
  const { statusCode: status = 500, statusMessage: statusText = "" } = message;
  const headers = new Headers();
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2)
    headers.append(message.rawHeaders[i]!, message.rawHeaders[i + 1]!);
  const empty = status === 204 || status === 304;
  if (empty) message.resume();
  const body = empty ? null : (Readable.toWeb(message) as NodeStream<Uint8Array> as unknown as BodyInit);
  return new Response(body, { status, statusText, headers });
}
