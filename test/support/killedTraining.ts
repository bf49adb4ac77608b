// A process that trains and kills itself after step 11, in the second epoch, as a power cut would: the argument names its checkpoint.
import { init } from "../../src/init.ts";
import { fit } from "../../src/train/fit.ts";
import { tinyData, tinyNet, tinyOptions } from "./tinyTraining.ts";

await init();
await fit(tinyNet(), tinyData(), {
  ...tinyOptions,
  checkpoint: process.argv[2]!,
  onStep: ({ step }) => {
    if (step === 11) process.kill(process.pid, "SIGKILL");
  },
});
