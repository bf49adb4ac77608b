import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const test = suite("import rules");

const use = (path: string) => `import { x } from "${path}";\nexport const y = x;\n`;
const lazily = (path: string) => `export const y = () => import("${path}");\n`;
const type = (path: string) => `import type { X } from "${path}";\nexport type Y = X;\n`;
const node = 'import { readFileSync } from "node:fs";\nexport const y = readFileSync;\n';

/** A file in each room that imports nothing. */
const leaves = [
  "assembly/leaf.ts",
  "test/leaf.ts",
  "src/errors.ts",
  ...["tensor", "backend", "backend/js", "backend/wasm", "ops", "nn", "models", "cli", "fleet"].map(
    (r) => `src/${r}/leaf.ts`,
  ),
];

/** Every line breaks one rule: the rule, the file, its text. */
const wrong: [rule: string, file: string, text: string][] = [
  ["platform-looks-left", "src/platform/a.ts", use("../tensor/leaf.ts")],
  ["tensor-looks-left", "src/tensor/a.ts", use("../nn/leaf.ts")],
  ["backend-looks-left", "src/backend/a.ts", use("../ops/leaf.ts")],
  ["autograd-looks-left", "src/autograd/leaf.ts", use("../ops/leaf.ts")],
  ["ops-looks-left", "src/ops/a.ts", lazily("../nn/leaf.ts")],
  ["nn-looks-left", "src/nn/a.ts", use("../models/leaf.ts")],
  ["nn-looks-left", "src/nn/b.ts", type("../models/leaf.ts")],
  ["models-looks-left", "src/models/a.ts", use("../index.ts")],
  ["graph-never-nn", "src/graph/a.ts", use("../nn/leaf.ts")],
  ["no-concrete-backend", "src/train/a.ts", use("../backend/wasm/leaf.ts")],
  ["no-concrete-backend", "src/io/a.ts", lazily("../backend/js/leaf.ts")],
  ["no-concrete-backend", "src/index.ts", use("./backend/js/leaf.ts")],
  ["backends-apart", "src/backend/wasm/a.ts", use("../js/leaf.ts")],
  ["init-loads-lazily", "src/init.ts", use("./backend/wasm/leaf.ts")],
  ["no-node-in-core", "src/io/b.ts", node],
  ["no-packages", "src/ops/b.ts", use("left-pad")],
  ["fleet-stands-outside", "src/train/c.ts", use("../fleet/leaf.ts")],
  ["fleet-packages-on-demand", "src/fleet/a.ts", use("left-pad")],
  ["nobody-imports-the-command", "src/train/b.ts", use("../cli/leaf.ts")],
  ["assembly-alone", "assembly/a.ts", use("../src/errors.ts")],
  ["kernels-are-binaries", "src/backend/b.ts", use("../../assembly/leaf.ts")],
  ["src-ships-alone", "src/vision/a.ts", use("../../test/leaf.ts")],
  ["no-cycles", "src/ops/c.ts", use("./d.ts")],
  ["resolvable", "src/ops/e.ts", use("./gone.ts")],
];

/** And these break none. */
const right: [file: string, text: string][] = [
  ["src/platform/node.ts", node],
  ["src/cli/main.ts", `${node}export { x } from "../nn/leaf.ts";\n`],
  ["src/ops/d.ts", 'export { y as x } from "./c.ts";\n'], // the other half of the cycle, which is reported once
  ["src/backend/c.ts", use("../tensor/leaf.ts")],
  ["src/cli/b.ts", use("../fleet/leaf.ts")],
  ["src/fleet/b.ts", `${node}${type("left-pad").replace("y", "z")}export const w = () => import("left-pad");\n`],
  ["src/nn/c.ts", type("../ops/leaf.ts")],
  ["src/graph/b.ts", use("../ops/leaf.ts")],
  ["src/io/c.ts", use("../tensor/leaf.ts")],
  ["test/a.ts", use("../src/backend/js/leaf.ts")],
];

/** Runs the real rule file on a made-up tree: which file breaks which rule. */
function violations(files: [string, string][]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "resnet-ts-imports-"));
  try {
    for (const [path, text] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const cruise = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
    const args = ["--config", join(root, ".dependency-cruiser.js"), "--output-type", "json", "src", "assembly", "test"];
    const found = JSON.parse(execFileSync(process.execPath, [cruise, ...args], { cwd: folder, encoding: "utf8" })) as {
      summary: { violations: { rule: { name: string }; from: string }[] };
    };
    return found.summary.violations.map(({ rule, from }) => `${from}: ${rule.name}`).sort();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("every rule catches what breaks it, and nothing else", () => {
  const found = violations([
    ["node_modules/left-pad/package.json", '{ "name": "left-pad", "version": "1.0.0", "main": "index.js" }'],
    ["node_modules/left-pad/index.js", "export const x = 1;\n"],
    ["package.json", '{ "name": "house", "type": "module", "devDependencies": { "left-pad": "1.0.0" } }'],
    ...leaves.map((file): [string, string] => [file, "export const x = 1;\nexport type X = 1;\n"]),
    ...wrong.map(([, file, text]): [string, string] => [file, text]),
    ...right,
  ]);
  assert.equal(found, wrong.map(([rule, file]) => `${file}: ${rule}`).sort());
});

test("every rule of the file is tried above", async () => {
  const config = (await import(new URL("../../../.dependency-cruiser.js", import.meta.url).href)) as {
    default: { forbidden: { name: string }[] };
  };
  const names = config.default.forbidden.map((rule) => rule.name).sort();
  assert.equal([...new Set(wrong.map(([rule]) => rule))].sort(), names);
});

test.run();
