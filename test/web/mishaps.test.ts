import type { Browser } from "playwright-core";
import { test } from "uvu";
import { loadingMishaps } from "./mishaps/loading.ts";
import { panelMishaps } from "./mishaps/panels.ts";
import { pictureMishaps } from "./mishaps/pictures.ts";
import { plainHost, site, type Visitors, visitors } from "./mishaps/visitors.ts";
import { webcamMishaps } from "./mishaps/webcam.ts";
import { openChromium } from "./site.ts";

/** The page when something goes wrong, or when a visitor is quicker than the network: one browser and one build for all. */
const script = (path: string): Promise<unknown> => import(new URL(`../../../${path}`, import.meta.url).href);
const browser: Browser | undefined = await openChromium(
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  `--host-resolver-rules=MAP ${plainHost} 127.0.0.1`,
);

if (browser === undefined) {
  console.log("program Chromium is not there: the page's mishaps are left out");
} else {
  const { serve } = (await script("test/runtimes/server.js")) as Pick<Visitors, "serve">;
  const { buildWeb } = (await script("scripts/web.js")) as { buildWeb(options: object): Promise<void> };
  let server: Awaited<ReturnType<typeof serve>>;
  const all = visitors(browser, serve, () => server.address);

  test.before(async () => {
    await buildWeb({ log: () => undefined });
    server = await serve(site);
  });
  test.after.each(all.leave);
  test.after(async () => {
    await browser.close();
    await server?.close();
  });

  for (const mishaps of [loadingMishaps, pictureMishaps, webcamMishaps, panelMishaps]) mishaps(all);
}

test.run();
