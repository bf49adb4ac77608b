import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { saveSafetensors } from "../../src/io/saveSafetensors.ts";
import { crc32 } from "../../src/vision/png.ts";
import { repoRoot } from "../support/shared.ts";
import { openChromium } from "./site.ts";

/** The page when something goes wrong, or when a visitor is quicker than the network. */
const site = join(repoRoot, "build/web");
const script = (path: string): Promise<unknown> => import(new URL(`../../../${path}`, import.meta.url).href);
/** Not a secure context: neither https nor localhost. */
const plainHost = "page.test";
const browser: Browser | undefined = await openChromium(
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  `--host-resolver-rules=MAP ${plainHost} 127.0.0.1`,
);

if (browser === undefined) {
  console.log("program Chromium is not there: the page's mishaps are left out");
} else {
  const { serve } = (await script("test/runtimes/server.js")) as {
    serve(folder: string): Promise<{ address: string; close(): Promise<void> }>;
  };
  const { buildWeb } = (await script("scripts/web.js")) as { buildWeb(options: object): Promise<void> };
  let server: Awaited<ReturnType<typeof serve>>;
  const opened: BrowserContext[] = [];

  test.before(async () => {
    await buildWeb({ log: () => undefined });
    server = await serve(site);
  });
  test.after.each(async () => {
    for (const context of opened.splice(0)) await context.close();
  });
  test.after(async () => {
    await browser.close();
    await server?.close();
  });

  const ready = { classify: "#answer li", look: "#maps canvas", train: ".uplot", measure: "#measure" };

  /** A new visitor; what the console says is in `said`. */
  async function visit(options: BrowserContextOptions = {}): Promise<{ page: Page; said: string[] }> {
    const context = await browser!.newContext({ serviceWorkers: "block", ...options });
    opened.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const said: string[] = [];
    page.on("pageerror", (error) => said.push(error.message));
    page.on("console", (message) => said.push(message.text()));
    return { page, said };
  }

  async function open(panel: keyof typeof ready, options: BrowserContextOptions = {}): Promise<Page> {
    const { page } = await visit(options);
    await page.goto(`${server.address}/index.html#${panel}`);
    await page.waitForSelector(ready[panel]);
    return page;
  }

  const photo = (name: string) => ({ name, mimeType: "image/png", buffer: readFileSync(join(site, "horse.png")) });
  const noPicture = { name: "text.png", mimeType: "image/png", buffer: Buffer.from("This is text.") };
  const says = (page: Page, selector: string, words: RegExp) =>
    page.waitForFunction(
      ([where, source]) =>
        [...document.querySelectorAll(where)].some(({ textContent }) => new RegExp(source).test(textContent ?? "")),
      [selector, words.source] as const,
    );

  test("a new deployment: a page that is open goes on with its own files", async () => {
    const folder = mkdtempSync(join(tmpdir(), "resnet-ts-site-"));
    cpSync(site, folder, { recursive: true });
    const deployed = await serve(folder);
    try {
      const { page } = await visit({ serviceWorkers: "allow" });
      await page.goto(`${deployed.address}/index.html`);
      await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
      rmSync(join(folder, "assets"), { recursive: true });
      const worker = readFileSync(join(folder, "sw.js"), "utf8");
      const next = worker.replace(/precacheAndRoute\(\[.*?\]/, 'precacheAndRoute([{url:"index.html",revision:"next"}]');
      assert.not.equal(next, worker);
      writeFileSync(join(folder, "sw.js"), next);
      await page.evaluate(async () => {
        const registration = (await navigator.serviceWorker.getRegistration())!;
        await registration.update();
        const coming = registration.installing ?? registration.waiting;
        const settled = () => coming === null || ["installed", "activated"].includes(coming.state);
        while (!settled()) await new Promise((resolve) => setTimeout(resolve, 50));
      });
      await page.waitForTimeout(500); // one that does not wait would delete the files now
      for (const panel of ["train", "look", "measure"] as const) {
        await page.click(`#tab-${panel}`);
        await page.waitForSelector(ready[panel]);
      }
    } finally {
      await deployed.close();
      rmSync(folder, { recursive: true });
    }
  });

  test("a newer version of the page is told, and had at once by whoever wants it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "resnet-ts-site-"));
    cpSync(site, folder, { recursive: true });
    const deployed = await serve(folder);
    const change = (file: string, from: RegExp, to: string): void => {
      const text = readFileSync(join(folder, file), "utf8");
      assert.match(text, from);
      writeFileSync(join(folder, file), text.replace(from, to));
    };
    try {
      const { page } = await visit({ serviceWorkers: "allow" });
      const other = await page.context().newPage();
      for (const tab of [page, other]) await tab.goto(`${deployed.address}/index.html`);
      await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
      assert.is(await page.textContent("#news"), "");
      change("index.html", /<h1>.*<\/h1>/, "<h1>The next one</h1>");
      change("sw.js", /(url:"index.html",revision:)"\w+"/, '$1"next"');
      await page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration())!.update()));
      for (const tab of [page, other]) {
        await says(tab, "#news", /newer version/);
        await tab.click("#news button");
        await says(tab, "h1", /^The next one$/);
        await tab.waitForSelector("#answer li");
        assert.is(await tab.textContent("#news"), "");
      }
    } finally {
      await deployed.close();
      rmSync(folder, { recursive: true });
    }
  });

  test("a panel that cannot be loaded says so, and another can be chosen", async () => {
    const page = await open("measure");
    await page.route(/assets\/panel-.*\.js/, (route) => route.abort());
    await page.click("#tab-train");
    await says(page, "#panel [role=alert]", /This panel could not be loaded/);
    await page.click("#tab-measure");
    await page.waitForSelector("#measure");
  });

  test("a lab that cannot be started is said by each panel, at the first call and at later ones", async () => {
    const { page } = await visit();
    await page.route(/assets\/worker-(?!classifier).*\.js/, (route) => route.abort());
    await page.goto(`${server.address}/index.html#look`);
    await says(page, "#panel [role=alert]", /could not be loaded/);
    await page.click("#tab-train");
    await page.fill("#class-name", "a");
    await page.click("#add-class");
    await page.setInputFiles("input[data-class=a]", photo("horse.png"));
    await says(page, "#panel .error", /worker could not be started/);
  });

  test("a lab that could not be started is started at the next call", async () => {
    const { page } = await visit();
    const labs = /assets\/worker-(?!classifier).*\.js/;
    await page.route(labs, (route) => route.abort());
    await page.goto(`${server.address}/index.html#train`);
    await page.selectOption("select", "8");
    await page.click("#train-start");
    await says(page, "#panel .error", /worker could not be started/);
    await page.unroute(labs);
    await page.click("#train-start");
    await says(page, "#train-status", /Step \d/);
    assert.is(await page.textContent("#panel .error"), "");
  });

  test("without a classifier nobody is told to wait", async () => {
    const { page } = await visit();
    await page.route(/classifierWorker/, (route) => route.abort());
    await page.goto(`${server.address}/index.html`);
    await says(page, "#answer", /no network could be opened/);
  });

  test("no JavaScript: the page says what it needs", async () => {
    const { page } = await visit({ javaScriptEnabled: false });
    await page.goto(`${server.address}/index.html`);
    assert.match((await page.textContent("main")) ?? "", /needs JavaScript/);
  });

  test("the address chooses the panel; skipping to the content keeps it; nothing is preloaded in vain", async () => {
    const { page, said } = await visit();
    await page.goto(`${server.address}/index.html#train`);
    await page.waitForSelector(".uplot");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.is(await page.evaluate(() => `${document.activeElement?.id} ${location.hash}`), "panel #train");
    await page.evaluate(() => {
      location.hash = "#measure";
    });
    await page.waitForSelector("#measure");
    await page.waitForTimeout(4000); // browsers complain after three seconds
    assert.equal(said, []);
  });

  test("colours and sizes of the visitor's own", async () => {
    const page = await open("classify", { forcedColors: "active" });
    const seen = await page.evaluate(() => {
      const colour = (of: string) => getComputedStyle(document.querySelector(of)!);
      return {
        bar: colour(".bars .bar span").backgroundColor === colour(".bars .bar").backgroundColor,
        tab: colour("#tab-look").borderBottomColor === colour("#tab-classify").borderBottomColor,
      };
    });
    assert.equal(seen, { bar: false, tab: false });
    const large = await openChromium("--blink-settings=defaultFontSize=32");
    try {
      const other = await large!.newPage();
      await other.goto(`${server.address}/index.html#measure`);
      await other.waitForSelector("#measure");
      assert.is(await other.evaluate(() => getComputedStyle(document.body).fontSize), "32px");
    } finally {
      await large!.close();
    }
  });

  async function drop(page: Page, where: string, names: readonly string[]): Promise<boolean> {
    return page.evaluate(
      ([selector, files, base64]) => {
        const dataTransfer = new DataTransfer();
        const content = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        for (const name of files) dataTransfer.items.add(new File([content], name, { type: "image/png" }));
        const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
        document.querySelector(selector)!.dispatchEvent(event);
        return event.defaultPrevented;
      },
      [where, names, readFileSync(join(site, "horse.png")).toString("base64")] as const,
    );
  }

  test("files that miss their place, several at once, and none", async () => {
    const page = await open("classify");
    assert.ok(await drop(page, "h1", ["a.png"]), "the browser would show the file in place of the page");
    await drop(page, ".drop", ["a.png", "b.png"]);
    await says(page, "[role=status]", /of 2 files a\.png was taken/);
    await drop(page, ".drop", []);
    await says(page, ".error", /no file/);
  });

  /** One bit a pixel, all of them 0: more pixels than the library takes, in few bytes. */
  function blackPng(width: number, height: number): Buffer {
    const chunk = (type: string, data: Buffer): Buffer => {
      const bytes = Buffer.alloc(12 + data.length);
      bytes.writeUInt32BE(data.length);
      bytes.write(type, 4, "latin1");
      data.copy(bytes, 8);
      bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
      return bytes;
    };
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width);
    header.writeUInt32BE(height, 4);
    header[8] = 1;
    const rows = deflateSync(Buffer.alloc((Math.ceil(width / 8) + 1) * height));
    const signature = Buffer.from("89504e470d0a1a0a", "hex");
    return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
  }

  test("a picture that the library refuses does not stand beside another's answer", async () => {
    const page = await open("classify");
    await page.setInputFiles("input[accept='image/*']", {
      name: "huge.png",
      mimeType: "image/png",
      buffer: blackPng(14_000, 14_000),
    });
    await says(page, ".error", /at most \d+ are taken/);
    assert.is(await page.locator("#answer li").count(), 0);
  });

  test("weights of another network: one difference and how many more", async () => {
    const page = await open("classify");
    const buffer = Buffer.from(saveSafetensors(new Map([["odd", { shape: [1], data: new Float32Array(1) }]])));
    await page.selectOption("select", "resnet18");
    await page.setInputFiles("input[accept='.pth,.th,.pt,.safetensors']", {
      name: "odd.safetensors",
      mimeType: "",
      buffer,
    });
    await says(
      page,
      "[role=status]",
      /^odd\.safetensors does not hold the weights of resnet18: \S+ is missing, and \d+ more/,
    );
  });

  test("a download is said at once, and one that takes the place of another is not called cancelled", async () => {
    const page = await open("classify");
    await page.context().route(
      (url) => !url.href.startsWith(server.address),
      () => new Promise(() => undefined),
    );
    await page.selectOption("select", "resnet18");
    const status = async () => (await page.locator("#panel [role=status]").allTextContents()).join("");
    for (let time = 0; time < 2; time++) {
      await page.getByText("Download", { exact: true }).click();
      await page.waitForTimeout(300);
      assert.is(await status(), "Asking for resnet18 …");
      assert.ok(await page.locator("progress").isVisible());
    }
    await page.getByText("Cancel", { exact: true }).click();
    await says(page, "[role=status]", /^Cancelled\.$/);
    assert.not(await page.locator("progress").isVisible());
  });

  /** A visitor with a webcam, who takes his time to allow it. */
  async function withWebcam(panel: keyof typeof ready, wait = 0) {
    const { page } = await visit();
    await page.addInitScript((ms) => {
      const streams: MediaStream[] = [];
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        await new Promise((resolve) => setTimeout(resolve, ms));
        const stream = await ask(wanted);
        streams.push(stream);
        return stream;
      };
      const live = () => streams.flatMap((s) => s.getTracks()).filter(({ readyState }) => readyState === "live").length;
      Object.assign(window, { live, asked: () => streams.length });
    }, wait);
    await page.goto(`${server.address}/index.html#${panel}`);
    await page.waitForSelector(ready[panel]);
    const streams = (live: number) =>
      page.waitForFunction((count) => {
        const seen = window as unknown as { live(): number; asked(): number };
        return seen.asked() > 0 && seen.live() === count;
      }, live);
    return { page, streams };
  }

  test("after the webcam the picture has its own answer again", async () => {
    const { page, streams } = await withWebcam("classify");
    const first = await page.textContent("#answer");
    await page.click("text=Webcam");
    await streams(1);
    await says(page, "#frames", /pictures a second/);
    assert.is(await page.getAttribute("#answer", "aria-live"), "off");
    await page.waitForFunction((text) => document.querySelector("#answer")?.textContent !== text, first);
    await page.click("text=Stop the webcam");
    await streams(0);
    await page.waitForFunction((text) => document.querySelector("#answer")?.textContent === text, first);
    assert.is(await page.textContent("#frames"), "");
    assert.is(await page.getAttribute("#answer", "aria-live"), "polite");
  });

  test("a webcam that is unplugged is said, and gives its place to the picture", async () => {
    for (const [panel, button] of [
      ["classify", "text=Webcam"],
      ["train", "#taught >> text=From the webcam"],
    ] as const) {
      const { page, streams } = await withWebcam(panel);
      if (panel === "train") {
        await page.fill("#class-name", "a");
        await page.click("#add-class");
      }
      await page.click(button);
      await page.waitForSelector("#panel video");
      await streams(1);
      await page.evaluate(() => {
        const { srcObject } = document.querySelector<HTMLVideoElement>("#panel video")!;
        for (const track of (srcObject as MediaStream).getTracks()) {
          track.stop(); // of which the browser tells only others
          track.dispatchEvent(new Event("ended"));
        }
      });
      await says(page, "#panel .error", /^The webcam has gone/);
      assert.is(await page.locator("#panel video").count(), 0);
      await page.waitForSelector(button);
    }
  });

  test("whoever leaves before the webcam is allowed leaves it off", async () => {
    const { page, streams } = await withWebcam("classify", 800);
    await page.click("text=Webcam");
    await page.click("#tab-measure");
    await page.waitForTimeout(1200);
    await streams(0);
  });

  test("teach with the webcam: it is seen, it can be stopped, and it stops with the panel", async () => {
    const { page, streams } = await withWebcam("train");
    await page.fill("#class-name", "a");
    await page.click("#add-class");
    await page.click("#taught >> text=From the webcam");
    await page.waitForSelector("#panel video");
    await page.click("#taught >> text=From the webcam");
    await page.waitForSelector("#taught canvas");
    await page.click("text=Stop the webcam");
    await streams(0);
    assert.is(await page.evaluate(() => document.activeElement?.textContent), "From the webcam");
    await page.click("#taught >> text=From the webcam");
    await streams(1);
    await page.click("#tab-measure");
    await streams(0);
  });

  test("teach: the focus stays, one bad file does no harm, and all can be taken away again", async () => {
    const page = await open("train");
    const add = async (name: string) => {
      await page.fill("#class-name", name);
      await page.click("#add-class");
    };
    await add("a");
    await add("b");
    await add("a");
    await says(page, "#panel .error", /There is a class a already/);
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    await page.focus("[aria-label='Add pictures… (a)']");
    await page.setInputFiles("input[data-class=a]", [photo("1.png"), noPicture, photo("2.png")]);
    await says(page, "#taught h3", /^a: 2 pictures$/);
    await says(page, "#panel .error", /text\.png is not a picture/);
    assert.is(await focused(), "Add pictures… (a)");
    await page.click("[aria-label='Remove 1.png (a)']");
    await says(page, "#taught h3", /^a: 1 picture$/);
    assert.is(await focused(), "Remove 2.png (a)");
    await page.setInputFiles("input[data-class=b]", photo("3.png"));
    await page.waitForSelector("#learn:enabled");
    await page.click("[aria-label='Remove the class (a)']");
    await page.waitForSelector("#learn:disabled");
    assert.is(await page.locator("#taught section").count(), 1);
    assert.is(await page.evaluate(() => document.activeElement?.id), "class-name");
  });

  test("look inside: a block that is chosen before the picture is there stays chosen", async () => {
    const { page } = await visit();
    let send = (): void => undefined;
    const wait = new Promise<void>((resolve) => {
      send = resolve;
    });
    await page.route("**/cat.jpg", async (route) => {
      await wait;
      await route.continue();
    });
    await page.goto(`${server.address}/index.html#look`);
    await page.click("[aria-label='Block layer2.1']");
    send();
    await page.waitForSelector("#maps canvas");
    await page.waitForSelector("#look-answer li");
    assert.is(await page.getAttribute("[aria-label='Block layer2.1']", "aria-pressed"), "true");
    assert.is(await page.locator("#maps canvas").count(), 32);
  });

  test("one long word, the name of a file or of a class, stays in the window", async () => {
    const page = await open("classify", { viewport: { width: 360, height: 700 } });
    const fits = async (what: string): Promise<void> => {
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${what}: ${overflow} pixels too wide`);
    };
    const word = "W".repeat(100);
    await page.setInputFiles("input[accept='image/*']", { ...noPicture, name: word });
    await says(page, ".error", /is not a picture/);
    await fits("a picture");
    await page.click("#tab-train");
    await page.fill("#class-name", word);
    await page.click("#add-class");
    await page.setInputFiles("input[accept='.zip,.bin,.gz']", { ...noPicture, name: word });
    await says(page, "#panel .muted", /^W+$/);
    await fits("classes and data");
  });

  test("keys go through the tabs, round the ends and to both of them", async () => {
    const page = await open("classify");
    await page.focus("#tab-classify");
    for (const [key, tab] of [
      ["End", "measure"],
      ["ArrowRight", "classify"],
      ["ArrowLeft", "measure"],
      ["Home", "classify"],
    ] as const) {
      await page.keyboard.press(key);
      assert.is(await page.evaluate(() => document.activeElement?.id), `tab-${tab}`, key);
      await page.waitForSelector(ready[tab]);
    }
  });

  test("look inside: shortcuts that are cut and put back faster than the network answers", async () => {
    const page = await open("look");
    const answer = () => page.textContent("#look-answer");
    const whole = await answer();
    await page.evaluate(async () => {
      const skip = () => document.querySelector<HTMLElement>("#skip")!.click();
      skip();
      document.querySelector("[aria-label='Block layer2.1']")!.dispatchEvent(new MouseEvent("click"));
      skip();
      skip();
    });
    await says(page, "h3", /^Without the shortcut of layer1\.0 it says$/);
    await page.click("text=Put all shortcuts back");
    await says(page, "h3", /^It says$/);
    assert.is(await answer(), whole);
    assert.is(await page.locator("[role=region][aria-label='Layers of block layer2.1']").count(), 1);
  });

  test("training that is started again begins with its own first step", async () => {
    const page = await open("train");
    await page.selectOption("select", "8");
    await page.click("#train-start");
    await says(page, "#train-status", /Step [3-9]/);
    await page.evaluate(() => {
      const status = document.querySelector<HTMLElement>("#train-status")!;
      new MutationObserver(() => {
        status.title ||= status.textContent ?? "";
      }).observe(status, { childList: true, subtree: true });
      document.querySelector<HTMLElement>("#train-start")!.click();
    });
    await page.waitForSelector("#train-status[title^=Step]");
    const first = await page.getAttribute("#train-status", "title");
    assert.match(first ?? "", /^Step 1,/);
  });

  test("a data set of one picture is refused, and the sample can be had back", async () => {
    const page = await open("train");
    const record = Buffer.alloc(1 + 3 * 32 * 32);
    const one = { name: "one.bin", mimeType: "", buffer: record };
    await page.setInputFiles("input[accept='.zip,.bin,.gz']", one);
    await page.click("#train-start");
    await says(page, "#panel .error", /two pictures or more/);
    await page.click("text=Back to the sample");
    await page.click("#train-start");
    await says(page, "#train-status", /Step \d/);
    assert.is(await page.textContent("#panel .error"), "");
  });

  test("training that fails under way says why", async () => {
    const { page } = await visit();
    await page.addInitScript(() => {
      const { postMessage } = Worker.prototype;
      Worker.prototype.postMessage = function (this: Worker, sent: { args?: { batch?: number }[] }) {
        if (sent.args?.[0]?.batch !== undefined) sent.args[0].batch = -1;
        postMessage.call(this, sent);
      } as typeof postMessage;
    });
    await page.goto(`${server.address}/index.html#train`);
    await page.click("#train-start");
    await says(page, "#panel .error", /batch/);
  });

  test("over http, at an address of its own, there is no SHA-256, and all else is measured", async () => {
    const { page } = await visit();
    await page.goto(`${server.address.replace("127.0.0.1", plainHost)}/index.html#measure`);
    await page.click("#measure");
    await says(page, "#hash", /https and localhost only/);
    await page.waitForSelector("tbody tr");
    await page.click("#tab-classify");
    await page.waitForSelector("#answer li");
    await page.click("text=Webcam");
    await says(page, ".error", /https and localhost only/);
  });
}

test.run();
