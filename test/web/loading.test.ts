/** What pages are told where something cannot be loaded: in Chromium, and the policy in Firefox too. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BackendInfo } from "../../src/index.ts";
import { repoRoot } from "../support/shared.ts";
import { onPath } from "./onPath.ts";
import { type Headers, isolated, libraryFiles, openChromium, openSite, type Site, strictPolicy } from "./site.ts";

const test = suite("loading in pages");

const html = "<!doctype html><title>start</title>";
const binary = readFileSync(join(repoRoot, "build/wasm/strict.wasm"));
const files = {
  ...(await libraryFiles()),
  "/plain.wasm": { type: "text/plain", body: binary },
  "/strict-threads.wasm": {
    type: "application/wasm",
    body: readFileSync(join(repoRoot, "build/wasm/strict-threads.wasm")),
  },
  "/page.wasm": { type: "text/html", body: html },
  "/page.js": { type: "text/html", body: html },
  "/throws.js": { type: "text/javascript", body: 'throw new Error("not today")' },
};

interface Told {
  readonly info?: BackendInfo;
  readonly message?: string;
  readonly sum?: number;
}

/** Runs in the page: `init`, and one small product, so that it is seen to work. `wasm` is an address. */
const ask = async (options: { wasm?: string; threads?: number; worker?: string; backend?: "wasm" }): Promise<Told> => {
  const { wasm, ...rest } = options;
  try {
    const info = await resnet.init({ ...rest, ...(wasm === undefined ? {} : { wasm: new URL(wasm, location.href) }) });
    const y = resnet.linear(resnet.ones([2, 3]), resnet.full([4, 3], 0.5));
    return { info, sum: (await y.data()).reduce((a, b) => a + b) };
  } catch (error) {
    return { message: (error as Error).message };
  }
};

async function inPage(browser: Browser, headers: Headers, options: Parameters<typeof ask>[0]): Promise<Told> {
  const site = await openSite(files, headers);
  const page = await browser.newPage();
  try {
    await page.goto(site.address);
    return await page.evaluate(ask, options);
  } finally {
    await page.close();
    site.close();
  }
}

const browser = await openChromium();
test.after(() => browser?.close());

if (browser === undefined) console.log("no Chromium: what its pages are told is not looked at");
else {
  test("a policy without wasm-unsafe-eval: the js backend, and info() says why", async () => {
    const { info, sum } = await inPage(browser, strictPolicy, {});
    assert.is(info!.backend, "js");
    assert.is(sum, 12);
    assert.match(info!.reasons.join(), /because wasm: .*Content Security Policy.*has to allow 'wasm-unsafe-eval'/);
  });

  test("the same where threads were asked for, and an error where wasm was", async () => {
    const { info } = await inPage(browser, { ...strictPolicy, ...isolated }, { threads: 2 });
    assert.equal([info!.backend, info!.threads], ["js", 1]);
    const { message } = await inPage(browser, strictPolicy, { backend: "wasm" });
    assert.match(message!, /^wasm: the strict binary could not be compiled: .*'wasm-unsafe-eval'/);
  });

  test("a policy with wasm-unsafe-eval: wasm with workers, nothing else needed", async () => {
    const policy = strictPolicy["content-security-policy"]!.replace("'self'", "'self' 'wasm-unsafe-eval'");
    const { info, sum } = await inPage(browser, { "content-security-policy": policy, ...isolated }, { threads: 2 });
    assert.equal([info!.binary, info!.threads, sum], ["strictThreads", 2, 12]);
  });

  test("a page without isolation: one thread, and info() says why", async () => {
    const { info } = await inPage(browser, {}, { threads: 2 });
    assert.equal([info!.binary, info!.threads], ["strict", 1]);
    assert.match(info!.reasons.join(), /SharedArrayBuffer is missing .*cross-origin isolation/);
  });

  test("the same with a binary for threads, and for a classifier in a worker: the inlined one", async () => {
    const site = await openSite(files, {});
    const page = await browser.newPage();
    try {
      await page.goto(site.address);
      const told = await page.evaluate(ask, { threads: 2, wasm: "/strict-threads.wasm" });
      assert.is(told.info?.binary ?? told.message, "strict");
      assert.match(
        told.info!.reasons.join(),
        /the binary that was handed over is for threads: the inlined one instead/,
      );
      const inWorker = await page.evaluate(async () => {
        const classifier = await resnet.createClassifier("cifar_resnet20", { worker: true });
        const { binary, threads } = classifier.backend;
        classifier.dispose();
        return [binary, threads];
      });
      assert.equal(inWorker, ["strict", 1]);
    } finally {
      await page.close();
      site.close();
    }
  });

  const wrong = [
    [
      "a missing binary",
      { wasm: "/gone.wasm" },
      /^wasm: the strict binary could not be compiled: \S+\/gone\.wasm answered 404 Not Found$/,
    ],
    [
      "a page instead of it",
      { wasm: "/page.wasm" },
      /\/page\.wasm is not a WebAssembly binary \(text\/html, 35 bytes\); it looks like a web page/,
    ],
    [
      "a worker script that is not there",
      { threads: 2, worker: "/gone.js" },
      /^wasm: a worker thread did not start \(.*\/gone\.js could not be loaded/,
    ],
    [
      "a page instead of it",
      { threads: 2, worker: "/page.js" },
      /^wasm: a worker thread did not start \(.*\/page\.js could not be loaded/,
    ],
    [
      "a worker script that throws",
      { threads: 2, worker: "/throws.js" },
      /^wasm: a worker thread did not start \(.*not today/,
    ],
  ] as const;
  for (const [what, options, message] of wrong) {
    test(`${what}: one clear message`, async () => {
      const told = await inPage(browser, isolated, options);
      assert.match(told.message ?? JSON.stringify(told), message);
    });
  }

  test("a wrong content type does not matter", async () => {
    assert.is((await inPage(browser, {}, { wasm: "/plain.wasm" })).info!.binary, "strict");
  });

  for (const threads of [0, -1, 1.5, 1000]) {
    test(`threads: ${threads}`, async () => {
      const { message } = await inPage(browser, isolated, { threads });
      assert.is(message, `init: threads must be a whole number from 1 to 256, got ${threads}`);
    });
  }
}

const firefox = process.env.FIREFOX ?? onPath("firefox-esr", "firefox");
if (firefox === undefined) console.log("no Firefox: the policy is not tried in it");
else {
  test("Firefox: a policy without wasm-unsafe-eval", async () => {
    const { default: puppeteer } = await import("puppeteer-core");
    let site: Site | undefined;
    const opened = await puppeteer.launch({ browser: "firefox", executablePath: firefox, headless: true });
    try {
      site = await openSite(files, strictPolicy);
      const page = await opened.newPage();
      await page.goto(site.address);
      const { info, sum } = await page.evaluate(ask, {});
      assert.equal([info!.backend, sum], ["js", 12]);
      assert.match(info!.reasons.join(), /because wasm: .*'wasm-unsafe-eval'/);
    } finally {
      await opened.close();
      site?.close();
    }
  });
}

test.run();
