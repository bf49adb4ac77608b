/** A classifier in a page: in a worker by default. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { repoRoot } from "../support/shared.ts";
import { type Answer, type Headers, isolated, libraryFiles, openChromium, openSite, strictPolicy } from "./site.ts";

const test = suite("classifier in a page");

const files: Record<string, Answer> = {
  ...(await libraryFiles()),
  "/pictures/cat.jpg": { type: "image/jpeg", body: readFileSync(join(repoRoot, "assets/sample/cat.jpg")) },
  "/throws.js": { type: "text/javascript", body: 'throw new Error("not today")' },
};
const { "/classifierWorker.js": _, ...withoutWorker } = files;
const browser = await openChromium();
test.after(() => browser?.close());

/** Opens a page of the site, and closes both afterwards. */
async function withPage<T>(headers: Headers, use: (page: Page) => Promise<T>, served = files): Promise<T> {
  const site = await openSite(served, headers);
  const page = await browser!.newPage();
  try {
    await page.goto(site.address);
    return await use(page);
  } finally {
    await page.close();
    site.close();
  }
}

/** Runs in the page: the same picture in every form a page has it in, in the worker and in the page. */
async function everyForm() {
  const bytes = await (await fetch("pictures/cat.jpg")).arrayBuffer();
  const shown = new Image();
  shown.src = "pictures/cat.jpg";
  await shown.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: shown.width, height: shown.height });
  const context = canvas.getContext("2d")!;
  context.drawImage(shown, 0, 0);
  const offscreen = new OffscreenCanvas(canvas.width, canvas.height);
  offscreen.getContext("2d")!.drawImage(shown, 0, 0);
  const bitmap = await createImageBitmap(shown);
  const frame = new VideoFrame(canvas, { timestamp: 0 });
  const forms = {
    address: "pictures/cat.jpg",
    url: new URL("pictures/cat.jpg", location.href),
    blobAddress: URL.createObjectURL(new Blob([bytes])),
    bytes: new Uint8Array(bytes),
    buffer: bytes,
    blob: new Blob([bytes]),
    image: shown,
    canvas,
    offscreen,
    imageData: context.getImageData(0, 0, canvas.width, canvas.height),
    bitmap,
    frame,
  };
  const remote = await resnet.createClassifier();
  const local = await resnet.createClassifier("cifar_resnet20", { worker: false });
  const different: string[] = [];
  for (const [name, form] of Object.entries(forms)) {
    const [there, here] = [await remote.embed(form), await local.embed(form)];
    if (!there.every((v, i) => v === here[i])) different.push(name);
  }
  const [there, here] = [await remote.explain(canvas, { class: "dog" }), await local.explain(canvas, { class: "dog" })];
  const sameMap = there.map.data.every((v, i) => v === here.map.data[i]);
  const png = (await there.png()).length === (await here.png()).length;
  const kept = [bytes.byteLength > 0, bitmap.width > 0, frame.codedWidth > 0];
  for (const form of [bytes, bitmap, frame]) await remote.classify(form, { transfer: true });
  const gone = [bytes.byteLength === 0, bitmap.width === 0, frame.codedWidth === 0];
  const top = await remote.classify(shown, { topK: 1 });
  return { worker: remote.worker, here: local.worker, different, sameMap, png, kept, gone, label: top[0]!.label };
}

/** Runs in the page: what making and using a classifier says. */
async function tryOut(options: { worker?: boolean | string; latestOnly?: boolean; init?: { threads: number } }) {
  try {
    const classifier = await resnet.createClassifier("cifar_resnet20", options);
    const [top] = await classifier.classify("pictures/cat.jpg");
    const { worker, backend } = classifier;
    return {
      worker,
      label: top!.label,
      backend: backend.backend,
      threads: backend.threads,
      why: backend.reasons.join(),
    };
  } catch (error) {
    return { name: (error as Error).name, message: (error as Error).message };
  }
}

if (browser === undefined) console.log("no Chromium: classifiers are not tried in pages");
else {
  test("a worker by default; every form of a picture gives the bits of the page's own thread", async () => {
    const told = await withPage({}, (page) => page.evaluate(everyForm));
    assert.equal(told, {
      worker: true,
      here: false,
      different: [],
      sameMap: true,
      png: true,
      kept: [true, true, true],
      gone: [true, true, true],
      label: "cat",
    });
  });

  test("threads inside the worker, where the page is isolated", async () => {
    const told = await withPage(isolated, (page) => page.evaluate(tryOut, { init: { threads: 2 } }));
    assert.equal([told.worker, told.label, told.threads], [true, "cat", 2]);
  });

  test("a strict policy: nothing but 'self' is needed; without wasm-unsafe-eval the worker runs on js and says why", async () => {
    const told = await withPage(strictPolicy, (page) => page.evaluate(tryOut, { worker: true }));
    assert.equal([told.worker, told.label, told.backend], [true, "cat", "js"]);
    assert.match(told.why!, /Content Security Policy.*'wasm-unsafe-eval'/);
    const policy = strictPolicy["content-security-policy"]!.replace("'self'", "'self' 'wasm-unsafe-eval'");
    const wasm = await withPage({ "content-security-policy": policy }, (page) =>
      page.evaluate(tryOut, { worker: true }),
    );
    assert.equal([wasm.worker, wasm.label, wasm.backend], [true, "cat", "wasm"]);
  });

  test("a script that is not there: an error where a worker was asked for, the page's own thread and a warning where not", async () => {
    await withPage(
      {},
      async (page) => {
        const warnings: string[] = [];
        page.on("console", (message) => message.type() === "warning" && warnings.push(message.text()));
        const asked = await page.evaluate(tryOut, { worker: true });
        const message =
          /^classifier: its worker could not be started: the worker script .*classifierWorker\.js.* could not be loaded$/;
        assert.is(asked.name, "WorkerError");
        assert.match(asked.message!, message);
        assert.equal(warnings, []);
        const byDefault = await page.evaluate(tryOut, {});
        assert.equal([byDefault.worker, byDefault.label], [false, "cat"]);
        assert.is(warnings.length, 1);
        assert.match(warnings[0]!, /could not be loaded; the page's own thread does the work instead/);
      },
      withoutWorker,
    );
  });

  test("other scripts that are no worker of ours", async () => {
    await withPage({}, async (page) => {
      const gone = await page.evaluate(tryOut, { worker: "/gone.js" });
      assert.match(
        gone.message!,
        /^classifier: its worker could not be started: the worker script \/gone\.js could not be loaded$/,
      );
      const throws = await page.evaluate(tryOut, { worker: "/throws.js" });
      assert.match(throws.message!, /^classifier: its worker could not be started: .*not today$/);
    });
    const forbidden = { "content-security-policy": "script-src 'self'; worker-src 'none'" };
    const told = await withPage(forbidden, (page) => page.evaluate(tryOut, { worker: true }));
    assert.match(told.message!, /^classifier: its worker could not be started: /);
  });

  test("a worker that the browser ends: an error for each waiting call, and the next call starts another", async () => {
    await withPage({}, async (page) => {
      await page.evaluate(async () => {
        const classifier = await resnet.createClassifier();
        Object.assign(globalThis, { classifier, results: [] });
        await classifier.classify("pictures/cat.jpg");
      });
      const [worker] = page.workers();
      // The picture never comes, so that the call is still running when the worker ends.
      await page.route("**/never.jpg", () => {});
      await page.evaluate(() => {
        const { classifier, results } = globalThis as unknown as {
          classifier: import("../../src/index.ts").Classifier;
          results: string[];
        };
        for (const picture of ["never.jpg", "pictures/cat.jpg"]) {
          classifier.classify(picture).catch((error: Error) => results.push(`${error.name}: ${error.message}`));
        }
      });
      await worker!.evaluate(() => globalThis.close());
      await page.waitForFunction(() => (globalThis as unknown as { results: string[] }).results.length === 2);
      const told = await page.evaluate(async () => {
        const { classifier, results } = globalThis as unknown as {
          classifier: import("../../src/index.ts").Classifier;
          results: string[];
        };
        return { results, top: await classifier.classify("pictures/cat.jpg") };
      });
      for (const text of told.results) {
        assert.is(
          text,
          "WorkerError: classifier: its worker ended (the browser ended it); the next call starts a new one",
        );
      }
      assert.is(told.top[0]!.label, "cat");
    });
  });
}

test.run();
