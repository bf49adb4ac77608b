import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import type { Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { saveSafetensors } from "../../../src/io/saveSafetensors.ts";
import { crc32 } from "../../../src/vision/png.ts";
import { noPicture, says, site, type Visitors } from "./visitors.ts";

/** Files, downloads and weights that are not what the page hopes for. */
export function pictureMishaps({ address, open }: Visitors): void {
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
      (url) => !url.href.startsWith(address()),
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
}
