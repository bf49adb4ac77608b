import { existsSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { opNames } from "./cases/index.ts";
import type { Request } from "./support/gpuPage.ts";
import type { Verdict } from "./support/gpuSuite.ts";
import { repoRoot } from "./support/shared.ts";

/** The same checks as webgpuNode.test.ts in Debian's Chromium, on the software adapter that comes with it. */
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const flags = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

declare global {
  interface Window {
    /** What gpuPage.html puts there. */
    checks: typeof import("./support/gpuPage.ts");
  }
}

interface Served {
  readonly address: string;
  close(): Promise<void>;
}

if (!existsSync(executablePath)) {
  console.log("WebGPU in a browser is left out: no chromium");
} else {
  const { chromium } = await import("playwright-core");
  const { serve } = (await import(new URL("../../test/runtimes/server.js", import.meta.url).href)) as {
    serve(folder: string): Promise<Served>;
  };
  let server: Served;
  let browser: Browser;
  let page: Page;

  test.before(async () => {
    server = await serve(repoRoot);
    browser = await chromium.launch({ executablePath, args: flags });
    page = await browser.newPage();
    page.on("pageerror", (error) => console.log(`  page: ${error.message}`));
    await page.goto(`${server.address}/test/support/gpuPage.html`);
    await page.waitForFunction(() => window.checks !== undefined);
  });
  test.after(async () => {
    await browser?.close();
    await server?.close();
  });

  const ask = async (what: string, request: Request): Promise<void> => {
    const { complaints, seen } = await page.evaluate((r): Promise<Verdict> => window.checks.answer(r), request);
    console.log(`  ${what}: ${seen}`);
    const shown = complaints.slice(0, 10).join("\n");
    assert.is(complaints.length, 0, `${complaints.length} complaints, the first ones:\n${shown}`);
  };

  for (const op of opNames) test(op, () => ask(op, { check: "op", op }));
  test("gradients, losses and optimisers", () => ask("training ops", { check: "training ops" }));
  for (const [name, size] of [
    ["resnet18", 64],
    ["resnet50", 33],
    ["keras_resnet50v2", 33],
  ] as const) {
    test(name, () => ask(name, { check: "network", name, size }));
  }
  test("training", () => ask("cifar_resnet20", { check: "training", name: "cifar_resnet20", batch: 4 }));
  test("memory", () => ask("memory", { check: "leaks", runs: 100, rounds: 20 }));
  test("nothing is left on the device", async () => {
    const left = await page.evaluate(() => window.checks.remaining());
    assert.is(left, 0);
  });
}

test.run();
