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

test.run();
