/**
 * The TypeScript in README.md and docs/: every fenced block is compiled against the packed library's types, and those marked
 * ```ts run are run, one after the other, in one process. A block is a module of its own.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { at, readText } from "../../scripts/support/files.js";
import { runNode } from "../../scripts/support/process.js";

const fence = /^```ts( run)?\n([\s\S]*?)^```$/gm;

/** `{ name, runs, text }` of each block; the name is the page and the line. */
export function snippets() {
  const pages = ["README.md", "CONTRIBUTING.md", ...readdirSync(at("docs")).map((file) => `docs/${file}`)];
  return pages
    .filter((page) => page.endsWith(".md"))
    .flatMap((page) => {
      const text = readText(page);
      return [...text.matchAll(fence)].map(({ 1: runs, 2: body, index }) => {
        const line = text.slice(0, index).split("\n").length + 1;
        const name = `${page.replace(/^docs\//, "").replace(/\.md$/, "")}-${line}`;
        return { name, runs: runs !== undefined, text: body };
      });
    });
}

const options = {
  strict: true,
  outDir: "out",
  target: "es2022",
  module: "nodenext",
  moduleResolution: "nodenext",
  lib: ["es2024", "esnext.disposable", "dom", "dom.iterable"],
  types: ["node"],
  typeRoots: [at("node_modules/@types")],
  skipLibCheck: true,
};

/** Compiles all, runs those that are marked, in `folder`: what was said. @throws Error */
export async function runSnippets(folder) {
  const all = snippets();
  const place = join(folder, "snippets");
  mkdirSync(place, { recursive: true });
  for (const { name, text } of all) writeFileSync(join(place, `${name}.ts`), `${text}\nexport {};\n`);
  writeFileSync(join(place, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.ts"] }));
  const compiled = await runNode([at("node_modules/typescript/bin/tsc"), "-p", place], { cwd: folder });
  if (compiled.code !== 0) throw new Error(compiled.output);
  const marked = all.filter(({ runs }) => runs);
  const calls = marked.map(({ name }) => `console.log("== ${name}");\nawait import("./out/${name}.js");`);
  writeFileSync(join(place, "all.mjs"), `${calls.join("\n")}\n`);
  const ran = await runNode([join(place, "all.mjs")], { cwd: folder, timeout: 240_000 });
  if (ran.code !== 0) throw new Error(ran.output);
  return `${all.length} blocks compile, ${marked.length} of them run\n${ran.output}`;
}
