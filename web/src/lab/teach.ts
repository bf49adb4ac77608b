import { backward, crossEntropy, nn, type Prediction, SGD, saveSafetensors, tensor, tidy, topK } from "resnet-ts";
import { network, pictureTensor } from "./look.ts";

let head: { readonly fc: InstanceType<typeof nn.Linear>; readonly classes: readonly string[] } | undefined;
const steps = 300;

/** The pooled feature of a picture, of length 1: what a new last layer learns from. */
export async function embed(picture: Blob): Promise<Float32Array> {
  const net = await network();
  const x = await pictureTensor(picture);
  const y = tidy(() => net.pool(net.forwardFeatures(x)));
  const values = await y.data();
  x.dispose();
  y.dispose();
  const norm = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0)) || 1;
  return values.map((v) => v / norm);
}

/** A last layer for these classes, trained on all features at once. */
export async function teach(features: readonly Float32Array[], labels: readonly number[], classes: readonly string[]) {
  const started = performance.now();
  const size = features[0]!.length;
  head?.fc.dispose();
  const fc = new nn.Linear(size, classes.length);
  const x = tensor(
    features.flatMap((f) => [...f]),
    [features.length, size],
  );
  const target = tensor([...labels], [labels.length]);
  const optimizer = new SGD(fc.namedParameters(), { momentum: 0.9 });
  for (let step = 0; step < steps; step++) {
    const loss = tidy(() => crossEntropy(fc.forward(x), target));
    backward(loss);
    optimizer.step(1);
    optimizer.zeroGrad();
    loss.dispose();
  }
  const logits = tidy(() => fc.forward(x));
  const values = await logits.data();
  const correct = labels.filter((label, i) => {
    const row = values.subarray(i * classes.length, (i + 1) * classes.length);
    return row.indexOf(Math.max(...row)) === label;
  }).length;
  for (const t of [x, target, logits]) t.dispose();
  optimizer.dispose();
  head = { fc, classes };
  const tensors = new Map(
    [...fc.namedParameters()].map(([name, t]) => [`fc.${name}`, { shape: t.shape, data: t.dataSync() }]),
  );
  const file = saveSafetensors(tensors, { metadata: { format: "pt", classes: JSON.stringify(classes) } });
  return { correct, ms: performance.now() - started, file };
}

export async function ask(feature: Float32Array): Promise<{ predictions: Prediction[] }> {
  if (head === undefined) throw new Error("Nothing was learned yet.");
  const { fc, classes } = head;
  const x = tensor([...feature], [1, feature.length]);
  const y = tidy(() => fc.forward(x));
  const logits = await y.data();
  x.dispose();
  y.dispose();
  return {
    predictions: topK(
      logits,
      classes.length,
      classes.map((name) => ({ name })),
    ),
  };
}
