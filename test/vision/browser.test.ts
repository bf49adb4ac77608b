import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeImage } from "../../src/vision/decode.ts";
import { toRgb } from "../../src/vision/image.ts";
import { installedBrowsers, reportOf } from "../support/browsers.ts";
import type { Expected, Report } from "./browserPage.ts";
import { goldenFiles } from "./files.ts";

const test = suite("pictures in browsers");

const base64 = (data: ArrayLike<number>) => Buffer.from(Uint8Array.from(data)).toString("base64");

async function expectations(): Promise<Expected[]> {
  const list: Expected[] = [];
  for (const { name, data } of goldenFiles().files) {
    const image = toRgb(await decodeImage(data, name));
    list.push({ name, file: base64(data), width: image.width, height: image.height, rgb: base64(image.data) });
  }
  return list;
}

for (const browser of installedBrowsers()) {
  test(`${browser.name}: the pixels of Node, in files and in whatever else a page can draw`, async () => {
    const expected = JSON.stringify(await expectations());
    const report = await reportOf<Report>(browser, {
      script: "vision/browserPage.js",
      serve({ url }, response) {
        if (url !== "/expected") return false;
        response.end(expected);
        return true;
      },
    });
    const entries = Object.entries(report);
    if (process.env.RESNET_TS_VERBOSE) console.log(report);
    assert.ok(entries.length > 60, JSON.stringify(report));
    for (const [what, result] of entries) {
      if (what.startsWith("error: ")) assert.match(String(result), /^(ArgumentError|FileFormatError): /, what);
      // Only CMYK may differ: each engine has its own way from CMYK to RGB.
      else if (what.startsWith("CMYK")) assert.type(result, "number", `${what}: ${result}`);
      // Rounded to 8 bits of Display P3 and back: half a step of it is at most 1.4 halves of one of ours, in each channel.
      else if (what === "wide colours") assert.ok((result as number) <= 2, `${what}: ${result}`);
      else assert.is(result, 0, `${what}: ${result}`);
    }
  });
}

test.run();
