// A process that leaves its batches where they are: one loop is left without `dispose`, one training is stopped. It must end by itself.
import { init } from "../../src/init.ts";
import { fit } from "../../src/train/fit.ts";
import { DataLoader } from "../../src/train/loader.ts";
import { imageClassification } from "../../src/vision/presets.ts";
import { tinyData, tinyNet, tinyOptions } from "./tinyTraining.ts";

await init();
const { normalize } = imageClassification();
for await (const batch of new DataLoader(tinyData(), { batch: 4, normalize, numWorkers: 2 }).batches(0)) {
  console.log(`batch ${batch.index}`);
  break;
}
const stop = new AbortController();
const { steps } = await fit(tinyNet(), tinyData(), {
  ...tinyOptions,
  numWorkers: 2,
  signal: stop.signal,
  onStep: ({ step }) => {
    if (step === 2) stop.abort();
  },
});
console.log(`steps ${steps}`);
