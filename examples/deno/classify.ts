// deno run --allow-read --allow-env --allow-sys=hostname classify.ts photo.jpg
// In Deno without a package.json: import { createClassifier } from "npm:resnet-ts";
import { createClassifier } from "resnet-ts";

const [photo = "photo.jpg"] = (globalThis as unknown as { Deno: { args: string[] } }).Deno.args;
const classifier = await createClassifier();
for (const { label, probability } of await classifier.classify(photo)) {
  console.log(`${(100 * probability).toFixed(1).padStart(5)} %  ${label}`);
}
classifier.dispose();
