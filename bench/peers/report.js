import { cpus } from "node:os";
import { checkTable } from "./checks.js";

const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function table(rows, networks, batch, peak) {
  const here = rows.filter((r) => r.batch === batch);
  const names = [...new Set(here.map((r) => r.name))];
  const lines = [`| batch ${batch} | ${names.join(" | ")} |`, `|---|${names.map(() => "---").join("|")}|`];
  for (const network of networks) {
    const row = (name) => here.find((r) => r.network === network && r.name === name);
    const mine = row(names[0]);
    const cells = names.map((name) => {
      const r = row(name);
      if (!r) return "–";
      const share = `${r.gflops.toFixed(0)} GFLOP/s (${((100 * r.gflops) / peak).toFixed(0)} %)`;
      return `${r.best.toFixed(1)} ms (${r.median.toFixed(1)}), ${(r.best / mine.best).toFixed(2)}x, ${share}, error ${r.error.toExponential(1)}`;
    });
    lines.push(`| ${network} | ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

/** A batch and its pictures one after the other. */
function besideTable(rows) {
  const lines = rows
    .filter((r) => r.beside)
    .map((r) => {
      const { batch, singles } = r.beside;
      const quotient = ((r.batch * batch) / singles).toFixed(2);
      return `| ${r.network} | ${r.batch} | ${singles.toFixed(1)} ms | ${batch.toFixed(1)} ms | ${quotient}x |`;
    });
  if (lines.length === 0) return "";
  return `
resnet-ts strict, pictures one after the other and as one batch, in turns in one process; best stretch of either. (The tables above give the best of many short runs and of a few
long ones, taken minutes apart: their quotient, which is judged below as well, says more about the machine's slow moments.)

| | pictures | one after the other | as one batch | batch over batch 1 |
|---|---|---|---|---|
${lines.join("\n")}
`;
}

/** bench/RESULTS.md. */
export function report({ rows, cold, lines, networks, batches, clock, peak }) {
  const versions = [...new Map(rows.map((r) => [r.name, `${r.name} ${r.version}`])).values()];
  const sizes = rows
    .filter((r) => r.memory && r.batch === 1)
    .map(
      (r) =>
        `| ${r.network} | ${r.name} | ${r.compileTime.toFixed(0)} ms | ${mb(r.memory.packed)} | ${mb(r.memory.arena)} | ${mb(r.linearMemory)} |`,
    );
  const starts = cold.map(
    ({ engine, ms, cpu, rss }) => `| ${engine} | ${ms.toFixed(0)} ms | ${cpu.toFixed(0)} ms | ${rss.toFixed(0)} MiB |`,
  );
  return `# Compiled networks and their peers

Made by \`npm run bench:peers${clock === "cpu" ? " -- --clock cpu" : ""}\` on ${cpus()[0].model} (${cpus().length} cores), Node ${process.versions.node}, V8 ${process.versions.v8}.
${versions.join(", ")}. One thread each, in turns, ${clock} time; best run, (median), time relative to the first column, 2 x direct
multiply-accumulates per second (and that as a part of ${peak.toFixed(1)} GFLOP/s, the measured peak of multiplying and adding in 128-bit registers;
Winograd does fewer multiplications than are counted), and max|difference| / max|logit| against PyTorch in 64 bits.

${batches.map((batch) => table(rows, networks, batch, peak)).join("\n\n")}
${besideTable(rows)}
## Compiling, and memory
| | | compile | packed weights | arena | linear memory |
|---|---|---|---|---|---|
${sizes.join("\n")}

## Cold start
From before the import to the first logits of a ResNet-18 that lies on disk, in a new process of Node; best of three, in turns.

| | time | processor time | largest memory of the process |
|---|---|---|---|
${starts.join("\n")}

## What was promised
${checkTable(lines)}

5,000 runs and 200 compilations that leave memory where it was: \`npm run test:soak\`.
`;
}
