import { test } from "uvu";
import * as assert from "uvu/assert";
import { noPicture, photo, ready, says, type Visitors } from "./visitors.ts";

/** Panels whose visitors are quicker than the network, or give too little. */
export function panelMishaps({ address, open, visit }: Visitors): void {
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
    await page.goto(`${address()}/index.html#look`);
    await page.click("[aria-label='Block layer2.1']");
    send();
    await page.waitForSelector("#maps canvas");
    await page.waitForSelector("#look-answer li");
    assert.is(await page.getAttribute("[aria-label='Block layer2.1']", "aria-pressed"), "true");
    assert.is(await page.locator("#maps canvas").count(), 32);
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
    await page.goto(`${address()}/index.html#train`);
    await page.click("#train-start");
    await says(page, "#panel .error", /batch/);
  });
}
