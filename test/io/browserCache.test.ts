import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { installedBrowsers, type Page, reportOf } from "../support/browsers.ts";

const test = suite("the cache of browsers");

// More than one piece of the cache's (8 MiB), and no whole number of them.
const file = new Uint8Array(20_000_003);
for (let i = 0; i < file.length; i++) file[i] = (i * 2_654_435_761) >>> 24;
const sha256 = createHash("sha256").update(file).digest("hex");

interface Loaded {
  readonly digest: string;
  readonly phases: string[];
  readonly fromCache: boolean;
}
interface Report {
  readonly error?: string;
  readonly place: string;
  readonly first: Loaded;
  readonly second: Loaded;
  readonly offline: string;
  readonly cut: string;
  readonly resumed: Loaded;
  readonly after: Loaded;
  readonly lie: string;
  readonly lieAgain: string;
  readonly kept: string[];
}

function page(asked: string[]): Page {
  let cuts = 0;
  return {
    script: "io/browserCachePage.js",
    serve({ url, headers }: IncomingMessage, response: ServerResponse) {
      if (url === "/about") {
        response.end(JSON.stringify({ sha256 }));
        return true;
      }
      if (url === undefined || !/^\/(whole|cut|lie)\.bin$/.test(url)) return false;
      const from = Number(/bytes=(\d+)-/.exec(headers.range ?? "")?.[1] ?? 0);
      asked.push(`${url} ${from}`);
      const lies = url === "/lie.bin";
      const rest = lies ? file.toReversed().subarray(from) : file.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, {
        "content-length": rest.length,
        etag: lies ? '"two"' : '"one"',
        ...(from > 0 ? { "content-range": `bytes ${from}-${file.length - 1}/${file.length}` } : {}),
      });
      if (url === "/cut.bin" && cuts++ === 0) {
        response.write(rest.subarray(0, 12_000_000), () => setTimeout(() => response.destroy(), 300));
      } else response.end(rest);
      return true;
    },
  };
}

for (const browser of installedBrowsers()) {
  test(`${browser.name}: kept, found again, resumed after a cut, verified`, async () => {
    const asked: string[] = [];
    const report = await reportOf<Report>(browser, page(asked));
    assert.is(report.error, undefined);
    assert.is(report.place, "the browser's cache");
    assert.is(report.first.digest, sha256);
    assert.equal(report.first.phases, ["download", "verify", "ready"]);
    assert.not(report.first.fromCache);
    assert.equal([report.second.digest, report.second.fromCache], [sha256, true]);
    assert.is(report.offline, sha256);
    assert.match(report.cut, /cut\.bin.* bytes so far are kept, and the next call goes on from there/);
    assert.equal([report.resumed.digest, report.resumed.fromCache], [sha256, false]);
    assert.equal([report.after.digest, report.after.fromCache], [sha256, true]);
    assert.match(report.lie, /its SHA-256 is .*it was not kept/);
    assert.match(report.lieAgain, /its SHA-256 is .*it was not kept/);
    // Two files, nothing of the lie, no pieces.
    assert.is(report.kept.length, 2, report.kept.join("\n"));
    assert.ok(report.kept.every((url) => /(whole|cut)\.bin$/.test(url)));
    assert.is(asked.filter((line) => line === "/whole.bin 0").length, 1, "downloaded once");
    const continued = asked.find((line) => line.startsWith("/cut.bin ") && !line.endsWith(" 0"));
    assert.ok(continued !== undefined && Number(continued.split(" ")[1]) >= 8 << 20, asked.join("\n"));
  });
}

test.run();
