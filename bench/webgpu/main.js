/**
 * `npm run bench:webgpu [-- --rounds 3 --json]`: compiled ResNet-18, batch 1, against onnxruntime-web's WebGPU provider on the same adapter
 * in the same Chromium, and how long ResNet-50's pipelines take. Without a graphics card that adapter is SwiftShader, software.
 * Writes bench/WEBGPU.md. Wants what `npm run bench:peers` installs and exports.
 */
import { existsSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { serve } from "../../test/runtimes/server.js";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "3" }, json: { type: "boolean" }, hardware: { type: "boolean" } },
});
const root = fileURLToPath(new URL("../../", import.meta.url));
const file = "build/peers/resnet18.onnx";
if (!existsSync(root + file) || !existsSync(`${root}bench/node_modules/onnxruntime-web`)) {
  console.error(
    "bench:webgpu: run `npm run bench:peers -- resnet18` first: it installs onnxruntime-web and writes the ONNX file",
  );
  process.exit(1);
}
const software = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
const flags = values.hardware ? ["--enable-unsafe-webgpu", "--enable-features=Vulkan"] : software;
const server = await serve(root);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", ...flags],
});
const open = async () => {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`${server.address}/bench/webgpu/page.html`);
  await page.waitForFunction(() => window.bench !== undefined);
  return page;
};
const work = { network: "resnet18", file: `/${file}`, size: 224, rounds: Number(values.rounds) };
const found = await (await open()).evaluate((options) => window.bench.compare(options), work);
const pipelines = await (await open()).evaluate(() => window.bench.pipelinesOf("resnet50", 224));
await browser.close();
await server.close();

const best = (list) => Math.min(...list);
const ratio = best(found.theirs.runs) / best(found.ours.runs);
const ms = (value) => `${Math.round(value).toLocaleString("en")} ms`;
const row = (name, r) =>
  `| ${name} | ${ms(r.compile)} | ${ms(r.first)} | ${ms(best(r.runs))} (${r.runs.map(Math.round).join(", ")}) |`;
const text = `# WebGPU

Made by \`npm run bench:webgpu\` on the adapter "${found.adapter}" in Chromium ${browser.version()}: ResNet-18, batch 1, 224x224, the same weights and
input, in turns. Logits differ by ${found.difference.toExponential(1)} of max|logit|.

| | compile | first run | best run (all) |
|---|---|---|---|
${row("resnet-ts", found.ours)}
${row(`onnxruntime-web ${found.version}, WebGPU provider`, found.theirs)}

resnet-ts is ${ratio.toFixed(1)} times as fast. The ${pipelines.count} pipelines of ResNet-50 are there after ${ms(pipelines.ms)}, made in parallel.
`;
writeFileSync(`${root}bench/WEBGPU.md`, text);
console.log(text);
if (values.json) console.log(JSON.stringify({ ...found, ratio, resnet50Pipelines: pipelines }));
