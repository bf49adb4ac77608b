// node finetune.js pictures weights.safetensors [network]
// A trained network learns other classes: a new classifier, and ten times its learning rate for it alone.
import { writeFileSync } from "node:fs";
import { cosine, fit, init, manualSeed, openDataset, prepare, pretrained, SGD, saveSafetensors } from "resnet-ts";

const [folder, weights, network = "cifar_resnet20"] = process.argv.slice(2);
await init({ threads: 2 });
const data = await prepare(await openDataset(folder, { split: "train" }));
const validation = await prepare(await openDataset(folder, { split: "test" }));

manualSeed(0); // of the new classifier's weights
const net = await pretrained(network, { weights, numClasses: data.classes.length });
const parameters = [...net.namedParameters()];
const head = parameters.filter(([name]) => name.startsWith("fc."));
const body = parameters.filter(([name]) => !name.startsWith("fc."));
const optimizer = new SGD([{ parameters: head, lrScale: 10 }, { parameters: body }], { momentum: 0.9 });

await fit(net, data, {
  epochs: 3,
  batch: 16,
  optimizer,
  schedule: cosine(0.005),
  validation,
  onEpoch: ({ epoch, trainLoss, testAccuracy }) => console.log(epoch, trainLoss.toFixed(4), testAccuracy),
});
writeFileSync("finetuned.safetensors", saveSafetensors(net.stateDict()));
