/**
 * The plain loop that the queue is compared with: one process, one thread, pictures decoded and run in batches, lines written to
 * a file. Says how long it took once the network was ready, as JSON. `node plain.js MODEL WEIGHTS LIST OUT BATCH`
 */
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { createClassifier } from "../../src/createClassifier.ts";
import { init } from "../../src/init.ts";
import { toImage } from "../../src/vision/toImage.ts";
import { topK } from "../../src/vision/topk.ts";

const [model, weights, list, out, size] = process.argv.slice(2) as [string, string, string, string, string];
const files = readFileSync(list, "utf8").trimEnd().split("\n");
const batch = Number(size);
await init({ backend: "wasm", threads: 1 });
const classifier = await createClassifier(model, weights === "embedded" ? {} : { weights });
writeFileSync(out, "");

async function run(group: readonly string[]): Promise<string> {
  const logits = await classifier.logits(await Promise.all(group.map((file) => toImage(file))));
  return group
    .map((file, i) => {
      const row = logits.slice(i * classifier.numClasses, (i + 1) * classifier.numClasses);
      const bits = createHash("sha256").update(new Uint8Array(row.buffer)).digest("hex").slice(0, 32);
      return `${JSON.stringify({ file, model, top: topK(row, 5, classifier.labels), bits })}\n`;
    })
    .join("");
}

await run(files.slice(0, batch)); // compiled
const cpu = process.cpuUsage();
const started = performance.now();
for (let at = 0; at < files.length; at += batch) appendFileSync(out, await run(files.slice(at, at + batch)));
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ seconds, cpu: (user + system) / 1e6 }));
