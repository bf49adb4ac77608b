// node classify.js photo.jpg
import { createClassifier } from "resnet-ts";

// The embedded network knows CIFAR-10's ten classes and needs no download; createClassifier("resnet50") fetches ImageNet's thousand.
const classifier = await createClassifier();
for (const { label, probability } of await classifier.classify(process.argv[2])) {
  console.log(`${(100 * probability).toFixed(1).padStart(5)} %  ${label}`);
}
classifier.dispose();
