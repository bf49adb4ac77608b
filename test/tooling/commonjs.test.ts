import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { repoRoot } from "../support/shared.ts";

/** Servers and desktop programs are often bundled into one CommonJS file, which knows no `import.meta.url`. */
const test = suite("in a CommonJS bundle");

const program = `
import { createClassifier, fetchFile } from "./build/src/index.js";
const [sample, cacheFolder] = process.argv.slice(2);
(async () => {
  const classifier = await createClassifier();
  const [{ label }] = await classifier.classify(sample);
  const { code } = await fetchFile("https://example.org/x.bin", { offline: true, cacheFolder }).catch((error) => error);
  console.log(label, code);
})();`;

test("pictures are classified, and the cache is looked into", async () => {
  const folder = mkdtempSync(join(tmpdir(), "resnet-ts-cjs-"));
  try {
    const outfile = join(folder, "program.cjs");
    const stdin = { contents: program, resolveDir: repoRoot };
    await build({ stdin, outfile, bundle: true, platform: "node", format: "cjs", logLevel: "error" });
    const args = [outfile, join(repoRoot, "assets/sample/cat.jpg"), folder];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: repoRoot });
    assert.is(stdout.trim(), "cat ERR_OFFLINE");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
