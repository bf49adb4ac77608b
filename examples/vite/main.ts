import { createClassifier } from "resnet-ts";

const input = document.querySelector("input") as HTMLInputElement;
const status = document.querySelector("pre") as HTMLPreElement;

// Vite packs the worker's script, the kernels and the embedded weights by itself: no plugin, no option.
const classifier = await createClassifier("cifar_resnet20", {
  onProgress: ({ phase }) => {
    status.textContent = phase;
  },
});
input.disabled = false;
status.textContent = "choose a picture";
input.addEventListener("change", async () => {
  const [file] = input.files ?? [];
  if (!file) return;
  const top = await classifier.classify(file, { topK: 3 });
  status.textContent = top.map(({ label, probability }) => `${label} ${probability.toFixed(3)}`).join("\n");
});
