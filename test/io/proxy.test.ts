import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { proxyFor } from "../../src/platform/proxyFor.ts";
import { repoRoot } from "../support/shared.ts";
import { head } from "./badServer.ts";

test("which proxy: lower and upper case, by protocol, and the exceptions of NO_PROXY", () => {
  const of = (url: string, env: Record<string, string>) => proxyFor(new URL(url), env)?.href;
  assert.is(of("https://a.org/", {}), undefined);
  assert.is(of("https://a.org/", { HTTPS_PROXY: "http://p:3128" }), "http://p:3128/");
  assert.is(of("https://a.org/", { https_proxy: "p:3128" }), "http://p:3128/");
  assert.is(of("https://a.org/", { HTTP_PROXY: "http://p:3128" }), undefined);
  assert.is(of("http://a.org/", { HTTP_PROXY: "http://p:3128" }), "http://p:3128/");
  assert.is(of("http://a.org/", { ALL_PROXY: "http://p:3128" }), "http://p:3128/");
  const except = (url: string, noProxy: string) =>
    of(url, { HTTPS_PROXY: "http://p:1", NO_PROXY: noProxy }) === undefined;
  assert.ok(except("https://a.org/", "*"));
  assert.ok(except("https://a.org/", "b.org, a.org"));
  assert.ok(except("https://x.a.org/", ".a.org"));
  assert.ok(except("https://x.a.org/", "a.org"));
  assert.ok(except("https://a.org:8443/", "a.org:8443"));
  assert.not(except("https://a.org/", "a.org:8443"));
  assert.not(except("https://ba.org/", "a.org"));
  assert.not(except("https://a.org/", ""));
});

const port = (server: Server) => (server.address() as AddressInfo).port;
const listening = (server: Server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const data = new Uint8Array(300_000).map((_, i) => i * 7);
const tls = (name: string) => join(repoRoot, "test/golden/tls", name);

/** A proxy that wants a password and writes down what it is asked for. */
async function startProxy() {
  const asked: string[] = [];
  const allowed = `Basic ${Buffer.from("me:secret word").toString("base64")}`;
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    if (incoming.headers["proxy-authorization"] !== allowed) return response.writeHead(407).end();
    const onward = request(incoming.url!, { headers: { ...incoming.headers, "proxy-authorization": "" } }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.end();
  });
  server.on("connect", (incoming, socket) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    if (incoming.headers["proxy-authorization"] !== allowed) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const [host, to] = incoming.url!.split(":");
    const onward = connect(Number(to), host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  await listening(server);
  return { server, asked };
}

const source = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

/** Downloads in a process of its own, because certificates and proxies are read from its environment. */
const download = (url: string, folder: string, env: Record<string, string>): Promise<string> =>
  told(
    `import { fetchFile } from ${source("io/fetch.js")};
    const [url, cacheFolder] = process.argv.slice(1);
    const path = await fetchFile(url, { cacheFolder, retryDelay: 1, retries: 1 }).catch((error) => error.message);
    process.stdout.write(path);`,
    [url, folder],
    env,
  );

/** The same for a picture: its size in bytes. */
const picture = (url: string, env: Record<string, string>): Promise<string> =>
  told(
    `import { readPictureFile } from ${source("vision/open.js")};
    const size = (bytes) => String(bytes.length);
    process.stdout.write(await readPictureFile(process.argv[1]).then(size, (error) => error.message));`,
    [url],
    env,
  );

function told(code: string, words: readonly string[], env: Record<string, string>): Promise<string> {
  const running = spawn(process.execPath, ["--input-type=module", "-e", code, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH ?? "", NODE_EXTRA_CA_CERTS: tls("cert.pem"), ...env },
  });
  let text = "";
  running.stdout.on("data", (piece) => {
    text += piece;
  });
  return new Promise((resolve) => running.on("close", () => resolve(text)));
}

test("http, https and a redirect from one to the other through a proxy with a password", async () => {
  const folder = mkdtempSync(join(tmpdir(), "resnet-ts-proxy-"));
  const { server: proxy, asked } = await startProxy();
  const certificate = { key: readFileSync(tls("key.pem")), cert: readFileSync(tls("cert.pem")) };
  const secure = createTlsServer(certificate, (incoming, response) => response.end(head(incoming, response, { data })));
  await listening(secure);
  const target = `https://localhost:${port(secure)}/b.safetensors`;
  const plain = createServer((incoming, response) => {
    if (incoming.url === "/moved") response.writeHead(302, { location: target }).end();
    else response.end(head(incoming, response, { data }));
  });
  await listening(plain);
  const address = `http://me:secret%20word@127.0.0.1:${port(proxy)}`;
  const env = { HTTP_PROXY: address, HTTPS_PROXY: address };
  const here = `http://127.0.0.1:${port(plain)}`;
  try {
    for (const [url, expected] of [
      [`${here}/a.safetensors`, [`GET ${here}/a.safetensors`]],
      [target, [`CONNECT localhost:${port(secure)}`]],
      [`${here}/moved`, [`GET ${here}/moved`, `CONNECT localhost:${port(secure)}`]],
    ] as const) {
      asked.length = 0;
      const path = await download(url, folder, env);
      assert.ok(path.startsWith(folder), path);
      assert.ok(readFileSync(path).equals(data));
      assert.equal(asked, expected);
    }
    asked.length = 0;
    assert.ok((await download(`${here}/c`, folder, { ...env, NO_PROXY: "127.0.0.1" })).startsWith(folder));
    assert.equal(asked, []);
    assert.is(await picture(target, env), String(data.length));
    assert.equal(asked, [`CONNECT localhost:${port(secure)}`], "a picture's address takes the same way");
    const wrong = `http://me:wrong@127.0.0.1:${port(proxy)}`;
    assert.match(await download(`${target}?x`, folder, { HTTPS_PROXY: wrong }), /the proxy .* answered 407/);
    assert.match(
      await download(`${target}?y`, folder, { HTTPS_PROXY: "socks5://127.0.0.1:1" }),
      /proxy socks5:.*not of a kind/,
    );
    assert.match(await picture("https://127.0.0.1:1/cat.jpg", {}), /could not be fetched: fetch failed \(bad port\)/);
  } finally {
    for (const server of [proxy, plain, secure]) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
