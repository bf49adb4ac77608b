import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openChromium } from "../site.ts";
import { photo, plainHost, ready, says, site, type Visitors } from "./visitors.ts";

/** The page before it is whole, offline, in a newer version, without JavaScript, in another window. */
export function loadingMishaps({ address, open, serve, visit }: Visitors): void {
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
    await page.goto(`${address()}/index.html#look`);
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
    await page.goto(`${address()}/index.html#train`);
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
    await page.goto(`${address()}/index.html`);
    await says(page, "#answer", /no network could be opened/);
  });

  test("no JavaScript: the page says what it needs", async () => {
    const { page } = await visit({ javaScriptEnabled: false });
    await page.goto(`${address()}/index.html`);
    assert.match((await page.textContent("main")) ?? "", /needs JavaScript/);
  });

  test("the address chooses the panel; skipping to the content keeps it; nothing is preloaded in vain", async () => {
    const { page, said } = await visit();
    await page.goto(`${address()}/index.html#train`);
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
      await other.goto(`${address()}/index.html#measure`);
      await other.waitForSelector("#measure");
      assert.is(await other.evaluate(() => getComputedStyle(document.body).fontSize), "32px");
    } finally {
      await large!.close();
    }
  });

  test("over http, at an address of its own, there is no SHA-256, and all else is measured", async () => {
    const { page } = await visit();
    await page.goto(`${address().replace("127.0.0.1", plainHost)}/index.html#measure`);
    await page.click("#measure");
    await says(page, "#hash", /https and localhost only/);
    await page.waitForSelector("tbody tr");
    await page.click("#tab-classify");
    await page.waitForSelector("#answer li");
    await page.click("text=Webcam");
    await says(page, ".error", /https and localhost only/);
  });
}
