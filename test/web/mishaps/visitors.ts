import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { repoRoot } from "../../support/shared.ts";

/** The page as it is served. */
export const site = join(repoRoot, "build/web");
/** Not a secure context: neither https nor localhost. */
export const plainHost = "page.test";
/** What stands in a panel when it can be used. */
export const ready = { classify: "#answer li", look: "#maps canvas", train: ".uplot", measure: "#measure" };

export const photo = (name: string) => ({ name, mimeType: "image/png", buffer: readFileSync(join(site, "horse.png")) });
export const noPicture = { name: "text.png", mimeType: "image/png", buffer: Buffer.from("This is text.") };

export const says = (page: Page, selector: string, words: RegExp) =>
  page.waitForFunction(
    ([where, source]) =>
      [...document.querySelectorAll(where)].some(({ textContent }) => new RegExp(source).test(textContent ?? "")),
    [selector, words.source] as const,
  );

type Serve = (folder: string) => Promise<{ address: string; close(): Promise<void> }>;

export interface Visitors {
  readonly serve: Serve;
  /** Where the page is. */
  address(): string;
  /** A new visitor; what the console says is in `said`. */
  visit(options?: BrowserContextOptions): Promise<{ page: Page; said: string[] }>;
  /** A new visitor, who waits until the panel can be used. */
  open(panel: keyof typeof ready, options?: BrowserContextOptions): Promise<Page>;
  /** All of them go. */
  leave(): Promise<void>;
}

export function visitors(browser: Browser, serve: Serve, address: () => string): Visitors {
  const opened: BrowserContext[] = [];
  const visit: Visitors["visit"] = async (options = {}) => {
    const context = await browser.newContext({ serviceWorkers: "block", ...options });
    opened.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const said: string[] = [];
    page.on("pageerror", (error) => said.push(error.message));
    page.on("console", (message) => said.push(message.text()));
    return { page, said };
  };
  const open: Visitors["open"] = async (panel, options = {}) => {
    const { page } = await visit(options);
    await page.goto(`${address()}/index.html#${panel}`);
    await page.waitForSelector(ready[panel]);
    return page;
  };
  const leave = async () => {
    for (const context of opened.splice(0)) await context.close();
  };
  return { serve, address, visit, open, leave };
}
