import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as library from "../../src/index.ts";

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

/** Functions and classes that a page's tables put beside other libraries' and that the library does not export. */
function unknownNames(text: string): string[] {
  const here = [...text.matchAll(/^\|[^|]*\|(.*)\|$/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)]);
  const called = here.flatMap(([, code]) => [...code!.matchAll(/(?<![\w.])(?:nn\.)?([A-Za-z]\w*)\(/g)]);
  const names = new Set([...Object.keys(library), ...Object.keys(library.nn)]);
  return called.map(([, name]) => name!).filter((name) => !names.has(name) && !otherNames.has(name));
}

/** Methods that a cell calls without their owner, and what the language has. */
const otherNames = new Set(["namedChildren", "namedModules", "train", "requiresGrad", "classify", "String"]);

test("what the pages say stands for another library's is there", () => {
  for (const page of pages.filter((name) => /from-/.test(name))) assert.equal(unknownNames(read(page)), [], page);
  assert.equal(unknownNames("| `a` | `resnet18()`, `new nn.Gone(1)`, `gone(x.y())`, `net.far()` |"), ["Gone", "gone"]);
});

test("npm scripts that the pages name are there", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const named = pages
    .filter((page) => page !== "CHANGELOG.md" && page !== "examples/README.md") // an example's own scripts
    .flatMap((page) => [...read(page).matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!));
  assert.ok(named.length > 10);
  assert.equal(
    named.filter((name) => scripts[name] === undefined),
    [],
  );
});

test("examples/README.md names every example", () => {
  const folders = readdirSync(join(root, "examples"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.equal(
    folders.map(({ name }) => name).filter((name) => !read("examples/README.md").includes(`](${name}`)),
    [],
  );
});

test("comments do not speak of bundlers' annotations, which Rollup takes for misplaced ones and warns of", () => {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  const speaking = (text: string) => text.replaceAll("/* @__PURE__ */", "").includes("@__PURE__");
  const found = sources.filter((file) => file.endsWith(".ts")).filter((file) => speaking(read(join("src", file))));
  assert.equal(found, []);
});

test.run();
