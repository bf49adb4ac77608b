import { existsSync } from "node:fs";
import { at } from "./files.js";
import { runNode } from "./process.js";

/** A check is a program that says yes or no; it counts as one test. */
const check = (name, args) => ({
  name,
  run: async () => {
    const { code, output, seconds } = await runNode(args);
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, output, seconds, quiet: true };
  },
});

const rooms = ["src", "assembly", "test", "bench"].filter((room) => existsSync(at(room)));

export const checks = [
  check("check: lint and format", [at("node_modules/@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."]),
  check("check: import rules", [at("node_modules/dependency-cruiser/bin/dependency-cruise.mjs"), ...rooms]),
];
