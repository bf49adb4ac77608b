// node train.js pictures      (a folder with train/<class>/*.png and test/<class>/*.png, all of one size)
import { writeFileSync } from "node:fs";
import { cifarResnet20, cosine, fit, init, manualSeed, openDataset, prepareOnDemand, saveSafetensors } from "resnet-ts";

await init({ threads: 2 });
const data = await prepareOnDemand(await openDataset(process.argv[2], { split: "train" }));
const validation = await prepareOnDemand(await openDataset(process.argv[2], { split: "test" }));
manualSeed(0);
const net = cifarResnet20({ numClasses: data.classes.length });
const onEpoch = ({ epoch, trainLoss, testAccuracy }) => console.log(epoch, trainLoss.toFixed(4), testAccuracy);
const augment = { flip: true };
await fit(net, data, { epochs: 6, batch: 8, schedule: cosine(0.1), augment, numWorkers: 1, validation, onEpoch });
writeFileSync("net.safetensors", saveSafetensors(net.stateDict(), { metadata: { classes: data.classes.join(",") } }));
