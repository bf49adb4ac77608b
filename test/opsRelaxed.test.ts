import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { relaxedProbe, testBackends } from "./support/backends.ts";

/** Node 20 has relaxed SIMD behind a flag: there, ops.test.ts runs once more with it, on the relaxed binary alone. */
const flag = "--experimental-wasm-relaxed-simd";

test("the rows of ops.test.ts on wasm relaxed", async () => {
  if (WebAssembly.validate(relaxedProbe)) {
    const labels = (await testBackends()).map((b) => b.label);
    assert.ok(labels.includes("wasm relaxed"), "this runtime has relaxed SIMD, and ops.test.ts uses it");
    return;
  }
  if (spawnSync(process.execPath, [flag, "-e", ""]).status !== 0) {
    console.log("this runtime has no relaxed SIMD, not even behind a flag: its rows do not run");
    return;
  }
  const suite = fileURLToPath(new URL("./ops.test.js", import.meta.url));
  const env = { ...process.env, RESNET_TS_BACKENDS: "wasm relaxed" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [flag, suite], { env, encoding: "utf8" });
  assert.is(status, 0, `${stdout}${stderr}`);
  assert.match(stdout, /conv2d: largest error .*wasm relaxed/);
});

test.run();
