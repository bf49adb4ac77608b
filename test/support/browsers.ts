import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { build } from "esbuild";
import { repoRoot } from "./shared.ts";

const onPath = (name: string) =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

const chromium = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"];
const programs: Record<string, (profile: string, url: string) => string[]> = {
  chromium: (profile, url) => [...chromium, `--user-data-dir=${profile}`, url],
  "firefox-esr": (profile, url) => ["--headless", "--no-remote", "--profile", profile, url],
};

/** The browsers that are installed; says which are not. */
export function installedBrowsers(): { name: string; path: string }[] {
  return Object.keys(programs).flatMap((name) => {
    const path = onPath(name);
    if (path === undefined) console.log(`${name} is not there: nothing is tried in it`);
    return path === undefined ? [] : [{ name, path }];
  });
}

export interface Page {
  /** The page's script, below build/test. */
  readonly script: string;
  /** What else the page's server answers; false where it does not know the address. */
  readonly serve: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** Opens a page in a browser and waits for the JSON that it posts to /report. */
export async function reportOf<Report>(browser: { name: string; path: string }, page: Page): Promise<Report> {
  const bundle = await build({
    entryPoints: [join(repoRoot, "build/test", page.script)],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
  });
  const script = bundle.outputFiles[0]!.text;
  const profile = mkdtempSync(join(tmpdir(), "resnet-ts-browser-"));
  const server = createServer();
  const report = new Promise<Report>((resolve, reject) => {
    server.on("request", (request, response) => {
      const html = '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>';
      if (request.url === "/") response.setHeader("content-type", "text/html").end(html);
      else if (request.url === "/page.js") response.setHeader("content-type", "text/javascript").end(script);
      else if (request.url === "/report") {
        let body = "";
        request.setEncoding("utf8").on("data", (piece: string) => {
          body += piece;
        });
        request.on("end", () => {
          response.end();
          resolve(JSON.parse(body) as Report);
        });
      } else if (!page.serve(request, response)) response.writeHead(404).end();
    });
    setTimeout(() => reject(new Error(`${browser.name} sent no report in 180 seconds`)), 180_000).unref();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const child = spawn(browser.path, programs[browser.name]!(profile, url), { stdio: "ignore", detached: true });
  try {
    return await report;
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    process.kill(-child.pid!, "SIGKILL");
    await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}
