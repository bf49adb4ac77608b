/**
 * `node scripts/speed.js`: README.md's table of speeds, taken from bench/RESULTS.md, which `npm run bench:peers` measures and writes.
 * Nothing is measured here; `npm test` checks that README.md says what the measurement said.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { at } from "./support/files.js";

const begin = "<!-- speed:begin -->";
const end = "<!-- speed:end -->";
const cellsOf = (line) =>
  line
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());

/** @param {string} results the text of bench/RESULTS.md @returns {string} best times of one picture, in Markdown */
export function speedTable(results) {
  const machine = /^Made by `npm run bench:peers` on ([^\n]+)\.$/m.exec(results)?.[1];
  const lines = results.split("\n");
  const start = lines.findIndex((line) => line.startsWith("| batch 1 |"));
  if (machine === undefined || start < 0) throw new Error("bench/RESULTS.md has no measurement of batch 1");
  const stop = lines.indexOf("", start);
  const [header, , ...rows] = lines.slice(start, stop).map(cellsOf);
  const names = header.slice(1);
  const best = (cell) => {
    const ms = /^([\d.]+) ms\b/.exec(cell)?.[1];
    if (ms === undefined) throw new Error(`bench/RESULTS.md: no time in "${cell}"`);
    return Number(ms).toFixed(0);
  };
  return [
    `| one picture, one thread, ms | ${names.join(" | ")} |`,
    `|---|${names.map(() => "---:|").join("")}`,
    ...rows.map(([network, ...cells]) => `| ${network} | ${cells.map(best).join(" | ")} |`),
    "",
    `Best runs on ${machine}.`,
  ].join("\n");
}

/** README.md with the current table. */
export function currentSpeed() {
  const text = readFileSync(at("README.md"), "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md has no ${begin} … ${end}`);
  const table = speedTable(readFileSync(at("bench/RESULTS.md"), "utf8"));
  return { text, current: `${text.slice(0, from)}${begin}\n\n${table}\n\n${text.slice(to)}` };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { text, current } = currentSpeed();
  if (text !== current) writeFileSync(at("README.md"), current);
  console.log(text === current ? "README.md is current" : "README.md has the new table");
}
