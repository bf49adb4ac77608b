import { existsSync, readFileSync } from "node:fs";
import { at } from "./files.js";
import { runNode } from "./process.js";
import { tarball } from "./tarball.js";

const program = (path) => at("node_modules", path);

/** A check is a program that says yes or no; it counts as one test. */
const check = (name, args) => ({
  name: `check: ${name}`,
  run: async () => {
    const { code, output, seconds } = await runNode(args);
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, output, seconds, quiet: true };
  },
});

/** Checks of the packed tarball, one after the other: they share it. */
const packaging = {
  name: "check: package",
  run: async () => {
    const started = performance.now();
    const sum = { passed: 0, failed: 0, skipped: 0, output: "" };
    try {
      const file = await tarball({ log: () => {} });
      if (!file) return { ...sum, skipped: 1, output: "there is no src/index.ts to pack", seconds: 0 };
      for (const args of [
        [program("publint/src/cli.js"), "run", file, "--strict"],
        [program("@arethetypeswrong/cli/dist/index.js"), file, "--profile", "esm-only", "--no-emoji", "--no-color"],
        [at("scripts/support/packed.js"), file],
        [program("size-limit/bin.js")],
        ["--frozen-intrinsics", "-e", 'import("./dist/node/index.js").then(({ init }) => init())'],
      ]) {
        const { code, output } = await runNode(args, { env: { NO_COLOR: "1", FORCE_COLOR: "0" } });
        sum[code === 0 ? "passed" : "failed"]++;
        if (code !== 0) sum.output += output;
        else if (args[0].endsWith("packed.js")) sum.output += output;
        else if (args[0].includes("size-limit")) sum.output += sizes(output);
      }
      for (const script of ["worker", "classifierWorker"]) {
        const lazy = /^import\b|\bimport\(|\bfrom "/m.exec(readFileSync(at(`dist/web/${script}.js`), "utf8"));
        sum[lazy ? "failed" : "passed"]++;
        if (lazy)
          sum.output += `dist/web/${script}.js imports something: it has to be one file (Vite 7 cannot pack it)\n`;
      }
    } catch (error) {
      sum.failed++;
      sum.output += error.message;
    }
    return { ...sum, seconds: (performance.now() - started) / 1000 };
  },
};

/** "name: size" of each entry in size-limit's report. */
function sizes(report) {
  const lines = report.split("\n").map((line) => line.trim());
  return lines.filter((line) => /^Size:|^\w.*kernels/.test(line)).join("\n");
}

const rooms = ["src", "assembly", "test", "bench"].filter((room) => existsSync(at(room)));

export const checks = [
  check("lint and format", [program("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."]),
  check("import rules", [program("dependency-cruiser/bin/dependency-cruise.mjs"), ...rooms]),
  packaging,
];
