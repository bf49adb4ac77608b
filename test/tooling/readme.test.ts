import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repoRoot } from "../support/shared.ts";

test("README.md's table of networks is what the registry and the counting code say", async () => {
  const { currentReadme } = (await import(pathToFileURL(join(repoRoot, "scripts/networks.js")).href)) as {
    currentReadme(): Promise<{ text: string; current: string }>;
  };
  const { text, current } = await currentReadme();
  assert.is(text, current, "run node scripts/networks.js");
  assert.match(text, /\| `wide_resnet101_2` \| 224x224 \| 126,886,696 \| 22\.753 \| /);
});

test("README.md's table of speeds is what was measured last", async () => {
  const { currentSpeed, speedTable } = (await import(pathToFileURL(join(repoRoot, "scripts/speed.js")).href)) as {
    currentSpeed(): { text: string; current: string };
    speedTable(results: string): string;
  };
  const { text, current } = currentSpeed();
  assert.is(text, current, "run node scripts/speed.js");
  const results =
    "Made by `npm run bench:peers` on a machine.\n\n| batch 1 | a | b |\n|---|---|---|\n| x | 51.7 ms (53.3), 1.00x | 9.4 ms |\n\n";
  assert.match(speedTable(results), /\| x \| 52 \| 9 \|\n\nBest runs on a machine\.$/);
  assert.throws(() => speedTable("nothing"), /no measurement of batch 1/);
});

test("README.md's errors of the degradation experiment are those of the logs, and show what the paper shows", () => {
  const readme = readFileSync(join(repoRoot, "README.md"), "utf8");
  const errors = (name: string): { train: number; test: number } => {
    const log = readFileSync(join(repoRoot, `examples/degradation/results/cifar_${name}.log.jsonl`), "utf8");
    const epochs = log
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { epoch: number; trainAccuracy: number; testAccuracy: number });
    assert.equal(epochs.map((e) => e.epoch).join(), Array.from({ length: 12 }, (_, i) => i + 1).join(), name);
    const { trainAccuracy, testAccuracy } = epochs[11]!;
    return { train: 100 * (1 - trainAccuracy), test: 100 * (1 - testAccuracy) };
  };
  const all = Object.fromEntries(
    ["plain20", "plain56", "resnet20", "resnet56"].map((name) => {
      const found = errors(name);
      const row = `| ${name.replace(/(\d+)$/, "-$1")} | ${found.train.toFixed(2)} | ${found.test.toFixed(2)} |`;
      assert.ok(readme.includes(row), row);
      return [name, found.train];
    }),
  );
  assert.ok(all.plain56! > all.plain20! && all.resnet56! < all.resnet20!, JSON.stringify(all));
});

test.run();
