/**
 * The examples as they are run: `missing()` says what is lacking here, `here` marks those of `npm test`, and `run(folder)` returns
 * what the example said, `wanted` what must be in it. `folder` is a project that has the packed tarball, photo.jpg, photo.png
 * (a cat) and pictures/, with the examples in examples/.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { at } from "../../scripts/support/files.js";
import { run, runNode } from "../../scripts/support/process.js";
import { chromium, freePort } from "../runtimes/browsers.js";
import { serve } from "../runtimes/server.js";

const limit = 240_000;
const runtimes = fileURLToPath(new URL("../runtimes/node_modules/", import.meta.url));
const ours = (path) => () =>
  existsSync(join(runtimes, path)) ? undefined : "it needs `npm run test:runtimes`, which installs it";

async function output(promise) {
  const { code, output, timedOut } = await promise;
  if (code !== 0) throw new Error(timedOut ? `no end after ${limit / 1000} s` : output);
  return output;
}

const node = (...args) => ({
  here: true,
  missing: () => undefined,
  run: (folder) => output(runNode(args, { cwd: folder, timeout: limit })),
});

/** Opens a page of a folder in Chromium, hands it the picture, and returns what its status said before and after. */
async function inPage(root, path, picture) {
  const server = await serve(root);
  let opened;
  try {
    opened = await chromium.open(`${server.address}${path}`);
    const { page } = opened;
    const faults = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    const status = page.getByRole("status");
    const says = async (pattern) => {
      try {
        await status.filter({ hasText: pattern }).waitFor({ timeout: limit });
      } catch {
        throw new Error(`the page never said ${pattern}, but: ${await status.textContent()}\n${faults.join("\n")}`);
      }
      return status.textContent();
    };
    const before = await says(/choose a picture/);
    await page.getByLabel("A picture").setInputFiles(picture);
    const after = await says(/\d\.\d{3}/);
    if (faults.length > 0) throw new Error(faults.join("\n"));
    return `${before}\n${after}`;
  } finally {
    await opened?.close();
    await server.close();
  }
}

const page = (path) => ({
  here: true,
  missing: chromium.missing,
  run: (folder) => inPage(folder, path, join(folder, "photo.jpg")),
});

/** Starts a server, posts a picture to it, and returns its answer. */
async function answer(program, args, cwd, port, picture) {
  const child = spawn(program, args, { cwd, env: { ...process.env, PORT: String(port) } });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      said += text;
    });
  }
  child.on("error", (error) => {
    said += error.message;
  });
  try {
    for (let tries = 0; ; tries++) {
      if (tries === 150 || child.exitCode !== null) throw new Error(`the server does not answer\n${said}`);
      await sleep(200);
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        method: "POST",
        body: readFileSync(picture),
        signal: AbortSignal.timeout(limit),
      }).catch((error) => {
        if (error.cause?.code !== "ECONNREFUSED") throw new Error(`${error.message}\n${said}`);
      });
      if (response) return await response.text();
    }
  } finally {
    child.kill();
  }
}

export const examples = [
  { name: "node/classify.js", ...node("examples/node/classify.js", "photo.jpg"), wanted: /^ *\d+\.\d % {2}cat\n/ },
  { name: "node/train.js", ...node("examples/node/train.js", "pictures"), wanted: /^6 0\.\d+ (1|0\.[89]\d*)$/m },
  {
    name: "node/finetune.js",
    ...node(
      "examples/node/finetune.js",
      "pictures",
      at("src/models/embedded/cifar-resnet20.safetensors"),
      "cifar_resnet20",
    ),
    wanted: /^3 0\.\d+ (1|0\.[89]\d*)$/m,
  },
  { name: "browser", ...page("/examples/browser/index.html"), wanted: /\ncat 0\.\d+/ },
  {
    name: "web-worker",
    ...page("/examples/web-worker/index.html"),
    wanted: /2 threads, logits \[1,10\]\)\ncat 0\.\d+/,
  },
  {
    name: "vite",
    missing: () => chromium.missing() ?? ours("vite/bin/vite.js")(),
    async run(folder) {
      const cwd = join(folder, "examples/vite");
      await output(runNode([join(runtimes, "vite/bin/vite.js"), "build"], { cwd, timeout: limit }));
      return inPage(join(cwd, "dist"), "/index.html", join(folder, "photo.jpg"));
    },
    wanted: /\ncat 0\.\d+/,
  },
  {
    name: "deno/classify.ts",
    missing: ours(".bin/deno"),
    run: (folder) =>
      output(
        run(
          join(runtimes, ".bin/deno"),
          ["run", "--allow-read", "--allow-env", "--allow-sys=hostname", "examples/deno/classify.ts", "photo.jpg"],
          {
            cwd: folder,
            timeout: limit,
          },
        ),
      ),
    wanted: /^ *\d+\.\d % {2}cat\n/m,
  },
  {
    name: "bun/server.js",
    missing: ours(".bin/bun"),
    run: async (folder) =>
      answer(
        join(runtimes, ".bin/bun"),
        ["examples/bun/server.js"],
        folder,
        await freePort(),
        join(folder, "photo.jpg"),
      ),
    wanted: /^\[\{"index":3,"label":"cat"/,
  },
  {
    name: "edge/worker.js",
    missing: ours(".bin/workerd"),
    async run(folder) {
      const cwd = join(folder, "examples/edge");
      const bundle = [
        "--bundle",
        "--format=esm",
        "--conditions=workerd",
        "--loader:.wasm=copy",
        "--asset-names=[name]",
      ];
      const esbuild = join(runtimes, "esbuild/bin/esbuild");
      await output(run(esbuild, ["worker.js", ...bundle, "--outdir=built"], { cwd, timeout: limit }));
      const port = await freePort();
      const config = readFileSync(join(cwd, "config.capnp"), "utf8").replace("127.0.0.1:8787", `127.0.0.1:${port}`);
      writeFileSync(join(cwd, "config.capnp"), config);
      return answer(join(runtimes, ".bin/workerd"), ["serve", "config.capnp"], cwd, port, join(folder, "photo.png"));
    },
    wanted: /^\[\{"index":3,"label":"cat"/,
  },
];
