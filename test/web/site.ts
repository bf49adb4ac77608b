/** A small web site for tests in real browsers: the library as a bundler would split it, with headers that each test chooses. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { repoRoot } from "../support/shared.ts";
import { onPath } from "./onPath.ts";

export type Answer = { readonly type: string; readonly body: string | Uint8Array; readonly status?: number };
export type Headers = Readonly<Record<string, string>>;

/** What makes SharedArrayBuffer appear. */
export const isolated: Headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** Nothing from elsewhere, no eval, no inline scripts, and no WebAssembly. */
export const strictPolicy: Headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; connect-src 'self'; worker-src 'self'; img-src 'self'",
};

const built = (path: string) => join(repoRoot, "build", path);

/** `/library.js`: all public names; `/worker.js` and its like beside it, as in the package. */
export async function libraryFiles(): Promise<Record<string, Answer>> {
  const { outputFiles } = await build({
    entryPoints: {
      library: built("test/web/library.js"),
      worker: built("src/worker/web/worker.js"),
      classifierWorker: built("src/worker/web/classifierWorker.js"),
    },
    bundle: true,
    splitting: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    outdir: "/site",
    chunkNames: "[name]-[hash]",
  });
  return Object.fromEntries(
    outputFiles.map(({ path, contents }) => [path.slice("/site".length), { type: "text/javascript", body: contents }]),
  );
}

const blank: Answer = {
  type: "text/html",
  body: '<!doctype html><meta charset="utf-8"><title>resnet-ts</title><script type="module" src="/library.js"></script>',
};

export interface Site {
  readonly address: string;
  close(): void;
}

/** Serves `files`; `/` is an empty page that has loaded the library, `headers` go with everything. What is not there is answered as many servers do: 404 and a page. */
export async function openSite(files: Readonly<Record<string, Answer>>, headers: Headers = {}): Promise<Site> {
  const server = createServer((request, response) => {
    const path = new URL(request.url!, "http://x").pathname;
    const answer = path === "/" ? blank : (files[path] ?? { ...blank, status: 404 });
    response.writeHead(answer.status ?? 200, { "content-type": answer.type, ...headers }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const chromiumPath = process.env.CHROMIUM ?? onPath("chromium", "chromium-browser", "google-chrome");

/** Chromium, or undefined where there is none. */
export async function openChromium(...args: string[]): Promise<Browser | undefined> {
  if (chromiumPath === undefined) return undefined;
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", ...args] });
}
