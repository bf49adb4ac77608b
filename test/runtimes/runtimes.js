/**
 * Where the package is tried. Each entry says what it lacks here (`missing`), whether threads must work there (`most`: how many
 * are asked for at most), whether the classifier is put into a worker, `quick` where the large networks would take too long,
 * and how to run the program in a project that has the packed tarball installed: `run(project, options, onLine)`.
 */
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { run, runNode } from "../../scripts/support/process.js";
import { chromium, firefox, freePort, webkit } from "./browsers.js";
import { page } from "./project.js";
import { serve } from "./server.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const installed = (...path) => join(here, "node_modules", ...path);
const ours =
  (...path) =>
  () =>
    existsSync(installed(...path)) ? undefined : "run `npm ci` in test/runtimes first";
const limit = 600_000;

/** A runtime with a command line: it prints the lines. */
const command = (program, ...args) => ({
  version: async () => (await run(program(), ["--version"])).stdout.split("\n")[0].replace(/^\D+|\s.*$/g, ""),
  async run(project, options, onLine) {
    const child = await run(program(), [...args, "src/main.js", JSON.stringify(options)], {
      cwd: project,
      timeout: limit,
    });
    for (const line of child.stdout.split("\n")) if (line.startsWith("{")) onLine(JSON.parse(line));
    if (child.code !== 0) throw new Error(child.timedOut ? `no end after ${limit / 1000} s` : child.output);
  },
});

/** A browser that opens `path` of a folder: the page posts the lines. */
const inBrowser = (browser, path = "/page.html", prepare = async (project) => project) => ({
  async run(project, options, onLine) {
    const server = await serve(await prepare(project));
    let opened;
    let alarm;
    try {
      const finished = new Promise((resolve, reject) => {
        alarm = setTimeout(() => reject(new Error(`no end after ${limit / 1000} s`)), limit);
        server.listen("1", (line) => {
          onLine(line);
          if (line.done || line.error) resolve();
        });
      });
      finished.catch(() => {});
      const query = new URLSearchParams({ id: "1", options: JSON.stringify(options) });
      opened = await browser.open(`${server.address}${path}?${query}`);
      await finished;
      return opened.version;
    } finally {
      clearTimeout(alarm);
      await opened?.close();
      await server.close();
    }
  },
});

const must = async (promise) => {
  const { code, output } = await promise;
  if (code !== 0) throw new Error(output);
};

const vite = async (project) => {
  await must(runNode([installed("vite/bin/vite.js"), "build"], { cwd: project }));
  return join(project, "dist");
};

const webpack = async (project) => {
  const { default: bundle } = await import(installed("webpack/lib/index.js"));
  const options = {
    context: project,
    mode: "production",
    entry: "./src/page.js",
    output: { path: join(project, "packed") },
  };
  const stats = await new Promise((resolve, reject) =>
    bundle(options, (error, result) => (error ? reject(error) : resolve(result))),
  );
  if (stats.hasErrors()) throw new Error(stats.toString({ all: false, errors: true }));
  writeFileSync(join(project, "packed/index.html"), page("/main.js").replace('type="module"', "defer"));
  return join(project, "packed");
};

const esbuild = async (project) => {
  const args = ["src/page.js", "--bundle", "--format=esm", "--outdir=bundled"];
  await must(run(installed("esbuild/bin/esbuild"), args, { cwd: project }));
  writeFileSync(join(project, "bundled/index.html"), page("/page.js"));
  return join(project, "bundled");
};

/** Bundled as for an edge worker, then served by the runtime itself. */
const edge = {
  version: async () => (await run(installed(".bin/workerd"), ["--version"])).stdout.trim().replace(/^\D+/, ""),
  async run(project, options, onLine) {
    const bundle = ["src/edge.js", "--bundle", "--format=esm", "--conditions=workerd", "--loader:.wasm=copy"];
    const outputs = ["--outdir=edge", "--asset-names=[name]"];
    await must(run(installed("esbuild/bin/esbuild"), [...bundle, ...outputs], { cwd: project }));
    const port = await freePort();
    writeFileSync(join(project, "edge/config.capnp"), capnp(port));
    const child = spawn(installed(".bin/workerd"), ["serve", "config.capnp"], { cwd: join(project, "edge") });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    try {
      const url = `http://127.0.0.1:${port}/?options=${encodeURIComponent(JSON.stringify(options))}`;
      let text;
      for (let tries = 0; text === undefined; tries++) {
        if (tries === 50 || child.exitCode !== null) throw new Error(`workerd does not answer\n${output}`);
        await sleep(200);
        text = await fetch(url, { signal: AbortSignal.timeout(limit) }).then(
          (response) => response.text(),
          (error) => {
            if (error.cause?.code !== "ECONNREFUSED") throw new Error(`${error.message}\n${output}`);
          },
        );
      }
      for (const line of text.split("\n")) if (line) onLine(JSON.parse(line));
    } finally {
      child.kill();
    }
  },
};

const capnp = (port) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [
      (name = "worker", esModule = embed "edge.js"),
      (name = "./strict.wasm", wasm = embed "strict.wasm"),
    ],
    compatibilityDate = "2025-01-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;

const node = (name, ...flags) => ({
  ...command(() => installed(name, "bin/node"), ...flags),
  missing: ours(name, "bin/node"),
});

export const runtimes = [
  { name: "Node, this one", here: true, threads: true, ...command(() => process.execPath), missing: () => undefined },
  {
    name: "Node, baseline compiler only",
    here: true,
    threads: true,
    quick: true,
    ...command(() => process.execPath, "--liftoff-only"),
    missing: () => undefined,
  },
  { name: "Node 24", threads: true, ...node("node24") },
  { name: "Node 26", threads: true, ...node("node26") },
  // An experiment of V8's that makes one 256-bit operation of two: docs/kernels.md, wider vectors.
  { name: "Node 26, vectors in pairs", threads: true, ...node("node26", "--experimental-wasm-revectorize") },
  {
    name: "Deno",
    threads: true,
    ...command(() => installed(".bin/deno"), "run", "--allow-all"),
    missing: ours(".bin/deno"),
  },
  { name: "Bun", threads: true, ...command(() => installed(".bin/bun")), missing: ours(".bin/bun") },
  { name: "workerd", threads: false, most: 1, worker: false, ...edge, missing: ours(".bin/workerd") },
  { name: "Chromium", here: true, threads: true, ...inBrowser(chromium), missing: chromium.missing },
  { name: "Firefox", here: true, threads: true, ...inBrowser(firefox), missing: firefox.missing },
  { name: "WebKitGTK", here: true, threads: false, ...inBrowser(webkit), missing: webkit.missing },
  {
    name: "Vite, in Chromium",
    threads: true,
    ...inBrowser(chromium, "/index.html", vite),
    missing: () => chromium.missing() ?? ours("vite")(),
  },
  {
    name: "webpack, in Chromium",
    threads: true,
    ...inBrowser(chromium, "/index.html", webpack),
    missing: () => chromium.missing() ?? ours("webpack")(),
  },
  {
    name: "esbuild, in Chromium",
    threads: false,
    most: 1, // esbuild copies no worker without being told, and asking for threads then is an error
    worker: false,
    ...inBrowser(chromium, "/index.html", esbuild),
    missing: () => chromium.missing() ?? ours("esbuild")(),
  },
];
