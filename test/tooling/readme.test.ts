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

test.run();
