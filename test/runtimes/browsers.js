/** Three browsers as Debian packages them, each driven by its own protocol: open a page, close the browser. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const first = (...paths) => paths.filter(Boolean).find((path) => existsSync(path));

const chromiumPath = () =>
  first(process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome");

const firefoxPath = () => first(process.env.FIREFOX, "/usr/bin/firefox-esr", "/usr/bin/firefox");

export const chromium = {
  missing: () => (chromiumPath() ? undefined : "no chromium"),
  async open(url) {
    const { chromium: driver } = await import("playwright-core");
    const browser = await driver.launch({ executablePath: chromiumPath(), args: ["--no-sandbox"] });
    const page = await browser.newPage();
    await page.goto(url);
    return { version: browser.version(), page, close: () => browser.close() };
  },
};

export const firefox = {
  missing: () => (firefoxPath() ? undefined : "no firefox"),
  async open(url) {
    const { default: puppeteer } = await import("puppeteer-core");
    const browser = await puppeteer.launch({ browser: "firefox", executablePath: firefoxPath(), headless: true });
    const page = await browser.newPage();
    await page.goto(url);
    return { version: (await browser.version()).replace(/^\D+/, ""), close: () => browser.close() };
  },
};

const webkitDriver = "/usr/bin/WebKitWebDriver";
const miniBrowsers = ["4.1", "6.0", "4.0"].map(
  (version) => `/usr/lib/x86_64-linux-gnu/webkit2gtk-${version}/MiniBrowser`,
);

/** W3C WebDriver by hand: four requests need no library. */
export const webkit = {
  missing() {
    if (!existsSync(webkitDriver)) return "no WebKitWebDriver";
    if (!first("/usr/bin/xvfb-run")) return "no xvfb-run";
    return first(...miniBrowsers) ? undefined : "no MiniBrowser of WebKitGTK";
  },
  async open(url) {
    const port = await freePort();
    // A group of its own, so that xvfb-run's children go with it.
    const driver = spawn("xvfb-run", ["-a", webkitDriver, `--port=${port}`], {
      detached: true,
      stdio: "ignore",
      env: { ...process.env, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" },
    });
    const stop = () => {
      try {
        process.kill(-driver.pid, "SIGTERM");
      } catch {} // it has ended by itself
    };
    const ask = async (method, path, body) => {
      const init = { method, ...(body ? { body: JSON.stringify(body) } : {}) };
      const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
      const { value } = await response.json();
      if (!response.ok) throw new Error(`WebKitWebDriver: ${value.error}: ${value.message}`);
      return value;
    };
    try {
      for (let tries = 0; ; tries++) {
        const ready = await ask("GET", "/status").catch(() => undefined);
        if (ready) break;
        if (tries === 100) throw new Error("WebKitWebDriver does not answer");
        await sleep(200);
      }
      const options = { binary: first(...miniBrowsers), args: ["--automation"] };
      const alwaysMatch = { "webkitgtk:browserOptions": options };
      const { sessionId, capabilities } = await ask("POST", "/session", { capabilities: { alwaysMatch } });
      await ask("POST", `/session/${sessionId}/url`, { url });
      return {
        version: capabilities.browserVersion,
        close: async () => {
          await ask("DELETE", `/session/${sessionId}`).catch(() => {});
          stop();
        },
      };
    } catch (error) {
      stop();
      throw error;
    }
  },
};

/** A port that was free a moment ago. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export { freePort };
