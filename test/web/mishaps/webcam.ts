import { test } from "uvu";
import * as assert from "uvu/assert";
import { ready, says, type Visitors } from "./visitors.ts";

/** Webcams that are slow, unplugged, or left. */
export function webcamMishaps({ address, visit }: Visitors): void {
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
    await page.goto(`${address()}/index.html#${panel}`);
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
}
