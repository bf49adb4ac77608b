import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const test = suite("pages");

const inside = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const pages = [...inside("."), ...inside("docs"), "examples/README.md", "bench/lab/README.md"];
const read = (page: string) => readFileSync(join(root, page), "utf8");

/** Links of a page that lead nowhere. */
function deadLinks(page: string, text: string): string[] {
  return [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !existsSync(join(root, dirname(page), target)));
}

/** Paths of the repository between backticks that are not there. Build output and patterns are not looked for. */
function deadPaths(text: string): string[] {
  return [...text.matchAll(/`((?:src|assembly|test|bench|scripts|docs|examples)\/[\w./-]+)`/g)]
    .map(([, path]) => path!)
    .filter((path) => !existsSync(join(root, path)));
}

test("links and paths lead somewhere", () => {
  for (const page of pages) {
    assert.equal(deadLinks(page, read(page)), [], page);
    if (page !== "CHANGELOG.md") assert.equal(deadPaths(read(page)), [], page);
  }
});

test("what leads nowhere is found", () => {
  assert.equal(deadLinks("docs/a.md", "[a](kernels.md) [b](gone.md) [c](https://x.y/z) [d](../gone/)"), [
    "gone.md",
    "../gone/",
  ]);
  assert.equal(deadPaths("`src/index.ts` and `src/gone.ts`"), ["src/gone.ts"]);
});

test("the pages name every room", () => {
  const rooms = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const page of ["docs/architecture.md", "CONTRIBUTING.md"]) {
    const missing = rooms.map(({ name }) => name).filter((name) => !new RegExp(`\\b${name}/`).test(read(page)));
    assert.equal(missing, [], page);
  }
});

test.run();
