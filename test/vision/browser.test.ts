import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeImage } from "../../src/vision/decode.ts";
import { toRgb } from "../../src/vision/image.ts";
import { repoRoot } from "../support/shared.ts";
import type { Expected, Report } from "./browserPage.ts";
import { goldenFiles } from "./files.ts";

const test = suite("pictures in browsers");

const onPath = (name: string) =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

const browsers = {
  chromium: (profile: string, url: string) => [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    `--user-data-dir=${profile}`,
    url,
  ],
  "firefox-esr": (profile: string, url: string) => ["--headless", "--no-remote", "--profile", profile, url],
};

const base64 = (data: ArrayLike<number>) => Buffer.from(Uint8Array.from(data)).toString("base64");

async function expectations(): Promise<Expected[]> {
  const list: Expected[] = [];
  for (const { name, data } of goldenFiles().files) {
    const image = toRgb(await decodeImage(data, name));
    list.push({ name, file: base64(data), width: image.width, height: image.height, rgb: base64(image.data) });
  }
  return list;
}

/** Opens the page in a browser and waits for its report. */
async function reportFrom(path: string, options: (profile: string, url: string) => string[]): Promise<Report> {
  const bundle = await build({
    entryPoints: [join(repoRoot, "build/test/vision/browserPage.js")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
  });
  const script = bundle.outputFiles[0]!.text;
  const expected = JSON.stringify(await expectations());
  const profile = mkdtempSync(join(tmpdir(), "resnet-ts-browser-"));
  const server = createServer();
  const report = new Promise<Report>((resolve, reject) => {
    server.on("request", (request, response) => {
      const page = '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>';
      if (request.url === "/") response.setHeader("content-type", "text/html").end(page);
      else if (request.url === "/page.js") response.setHeader("content-type", "text/javascript").end(script);
      else if (request.url === "/expected") response.end(expected);
      else if (request.url === "/report") {
        let body = "";
        request.on("data", (piece: Buffer) => {
          body += piece.toString("utf8");
        });
        request.on("end", () => {
          response.end();
          resolve(JSON.parse(body) as Report);
        });
      } else response.writeHead(404).end();
    });
    setTimeout(() => reject(new Error(`${path} sent no report in 180 seconds`)), 180_000).unref();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const browser = spawn(path, options(profile, url), { stdio: "ignore", detached: true });
  try {
    return await report;
  } finally {
    const ended = new Promise((resolve) => browser.once("exit", resolve));
    process.kill(-browser.pid!, "SIGKILL");
    await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

for (const [name, options] of Object.entries(browsers)) {
  const path = onPath(name);
  if (path === undefined) {
    console.log(`${name} is not there: its pictures are not looked at`);
    continue;
  }
  test(`${name}: the pixels of Node, in files and in whatever else a page can draw`, async () => {
    const report = await reportFrom(path, options);
    const entries = Object.entries(report);
    if (process.env.RESNET_TS_VERBOSE) console.log(report);
    assert.ok(entries.length > 60, JSON.stringify(report));
    for (const [what, result] of entries) {
      if (what.startsWith("error: ")) assert.match(String(result), /^(ArgumentError|FileFormatError): /, what);
      // Only CMYK may differ: each engine has its own way from CMYK to RGB.
      else if (what.startsWith("CMYK")) assert.type(result, "number", `${what}: ${result}`);
      else assert.is(result, 0, `${what}: ${result}`);
    }
  });
}

test.run();
