/**
 * `node test/examples/run.js [NAME…]`: examples/ and the pages' snippets, each in a stranger's project that has the packed tarball.
 * `npm test` runs those that need only Node and a browser, `npm run test:runtimes` all of them.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { at } from "../../scripts/support/files.js";
import { runNode } from "../../scripts/support/process.js";
import { tarball } from "../../scripts/support/tarball.js";
import { makeProject } from "../runtimes/project.js";
import { examples } from "./examples.js";
import { runSnippets } from "./snippets.js";
import { checkTypes } from "./types.js";

/** Every one with what must be in its output. */
const all = [
  ...examples,
  {
    name: "snippets",
    here: true,
    missing: () => undefined,
    run: runSnippets,
    wanted: /blocks compile, \d+ of them run/,
  },
  { name: "types", here: true, missing: () => undefined, run: checkTypes, wanted: /projects compile/ },
];

async function prepare() {
  const folder = await makeProject(at("build/examples"), await tarball({ log: () => {} }));
  // What a stranger who has JPEG files installs as well.
  cpSync(at("node_modules/@jsquash/jpeg"), join(folder, "node_modules/@jsquash/jpeg"), { recursive: true });
  cpSync(at("assets/sample/cat.jpg"), join(folder, "photo.jpg"));
  cpSync(at("examples"), join(folder, "examples"), { recursive: true });
  cpSync(at("test/examples/pictures.js"), join(folder, "pictures.js"));
  const made = await runNode(["pictures.js"], { cwd: folder });
  if (made.code !== 0) throw new Error(made.output);
  return folder;
}

/** Tasks for the caller's pool, as those of test/runtimes/run.js: each gives `{ name, passed, failed, skipped, … }`. */
export function exampleTasks({ names = [], here = false } = {}) {
  let folder;
  return all
    .filter(({ name }) => names.length === 0 || names.some((wanted) => `examples: ${name}`.includes(wanted)))
    .map((example) => async () => {
      const result = { name: `examples: ${example.name}`, passed: 0, failed: 0, skipped: 0, output: "", cases: [] };
      const started = performance.now();
      const missing = here && !example.here ? "it is for `npm run test:runtimes`" : example.missing();
      try {
        if (missing) {
          result.skipped = 1;
          result.output = `left out: ${missing}`;
        } else {
          folder ??= prepare();
          const said = await example.run(await folder);
          if (!example.wanted.test(said)) throw new Error(`it should say ${example.wanted}, but said:\n${said}`);
          result.passed = 1;
          if (example.name === "snippets") result.output = said.split("\n")[0];
        }
      } catch (error) {
        result.failed = 1;
        result.output = error.message;
      }
      return { ...result, seconds: (performance.now() - started) / 1000 };
    });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  let failed = 0;
  for (const task of exampleTasks({ names: process.argv.slice(2) })) {
    const { name, failed: bad, skipped, output, seconds } = await task();
    failed += bad;
    console.log(
      `${bad ? "✘" : skipped ? "-" : "•"} ${name}  ${seconds.toFixed(1)} s\n${output.replace(/^(?=.)/gm, "    ")}`,
    );
  }
  process.exitCode = failed ? 1 : 0;
}
