import { readFileSync, writeFileSync } from "node:fs";
import { at } from "../../scripts/support/files.js";
import { expected } from "./judge.js";

const between = /(<!-- runtimes:begin -->\n)[\s\S]*?(<!-- runtimes:end -->)/;

/** Writes the matrix of a run into README.md, between its markers. */
export function writeTable(results) {
  const file = at("README.md");
  const text = readFileSync(file, "utf8");
  if (!between.test(text)) throw new Error("README.md has no <!-- runtimes:begin --> … <!-- runtimes:end -->");
  writeFileSync(
    file,
    text.replace(between, (_, begin, end) => `${begin}${table(results)}${end}`),
  );
}

export function table(results) {
  const wanted = expected();
  const rows = results.map(({ name, version, cases, failed, skipped }) => {
    const equal = cases.filter((line) => wanted[line.name] === line.hash).length;
    const most = Math.max(1, ...cases.map((line) => Number(/(\d+) threads?$/.exec(line.name)?.[1] ?? 1)));
    const state = skipped ? "not run" : failed ? `**${equal} of ${cases.length} equal**` : `all ${equal} equal`;
    return `| ${name} | ${version ?? ""} | ${skipped ? "" : most === 1 ? "1" : `1 to ${most}`} | ${state} |\n`;
  });
  const hashes = Object.entries(groups(wanted)).map(([name, hash]) => `| ${name} | \`${hash.slice(0, 16)}…\` |\n`);
  return [
    "\n| where | version | threads | SHA-256 of the logits' bytes |\n|---|---|---|---|\n",
    ...rows,
    "\n| case | SHA-256 |\n|---|---|\n",
    ...hashes,
    "\n",
  ].join("");
}

/** One row for all thread counts: they have to be equal, and a difference shows as rows of their own. */
function groups(wanted) {
  const found = {};
  for (const [name, hash] of Object.entries(wanted)) {
    const short = name.replace(/, \d+ threads?$/, "");
    found[found[short] === undefined || found[short] === hash ? short : name] = hash;
  }
  return found;
}
