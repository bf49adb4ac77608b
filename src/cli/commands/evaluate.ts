import type { Classifier } from "../../classifier.ts";
import { ArgumentError, FileFormatError } from "../../errors.ts";
import { type ImageDataset, matchClasses, type Sample } from "../../vision/datasets.ts";
import { openDataset } from "../../vision/openDataset.ts";
import { topIndices } from "../../vision/topk.ts";
import { start } from "../backend.ts";
import { type Command, count, noWords, text, UsageError, type Values } from "../command.ts";
import { networkOptions, openNetwork } from "../network.ts";
import { Progress } from "../progress.ts";

interface Evaluation {
  readonly correct: number;
  readonly correct5: number;
  readonly total: number;
  readonly seconds: number;
}

export const evaluate: Command = {
  name: "evaluate",
  summary: "Count how many pictures of a data set a network gets right.",
  usage: "--data PATH [options]",
  options: {
    ...networkOptions,
    data: {
      type: "string",
      short: "d",
      value: "PATH",
      help: "CIFAR's .bin or .bin.gz or their folder, MNIST's idx files, or a folder or zip of class folders",
    },
    split: { type: "string", value: "NAME", help: "test (default) or train, where the data has both" },
    batch: { type: "string", value: "N", help: "pictures at a time; 100 for 32x32, 8 for 224x224" },
    limit: { type: "string", value: "N", help: "only the first N pictures" },
  },
  examples: [
    "resnet-ts evaluate --model cifar_resnet20 --weights resnet20-12fca82f.th --data test_batch.bin.gz --json",
    "resnet-ts evaluate --model resnet50 --weights resnet50.safetensors --data imagenet/val",
  ],
  async run(values, words) {
    noWords("evaluate", words);
    const path = text(values, "data");
    if (path === undefined) throw new UsageError("evaluate needs --data PATH");
    const split = text(values, "split") ?? "test";
    if (split !== "test" && split !== "train") throw new UsageError(`--split must be test or train, got ${split}`);
    await start(values);
    const dataset = await openDataset(path, { split }).catch((error: unknown) => {
      if (!(error instanceof FileFormatError) || error.code !== "ERR_NO_SPLIT") throw error;
      throw new UsageError(`${error.message}: give --split ${split === "test" ? "train" : "test"}`);
    });
    const classifier = await openNetwork(values);
    const result = await measure(classifier, dataset, values);
    classifier.dispose();
    const top1 = result.correct / result.total;
    const top5 = result.correct5 / result.total;
    if (values.json) {
      const { model } = classifier;
      const about = { model, weights: text(values, "weights") ?? "embedded", data: path, split };
      const speed = { seconds: result.seconds, picturesPerSecond: result.total / result.seconds };
      console.log(JSON.stringify({ correct: result.correct, total: result.total, top1, top5, ...about, ...speed }));
    } else {
      console.log(
        `${result.correct} of ${result.total} correct: ${percent(top1)} (${percent(top5)} among the first 5)`,
      );
      console.log(`${result.seconds.toFixed(1)} s, ${(result.total / result.seconds).toFixed(0)} pictures a second`);
    }
    return 0;
  },
};

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

async function measure(classifier: Classifier, dataset: ImageDataset, values: Values): Promise<Evaluation> {
  const total = Math.min(dataset.length, count(values, "limit", dataset.length));
  if (total === 0) throw new ArgumentError("evaluate: the data set is empty");
  const classes = targets(classifier, dataset);
  const small = (classifier.preprocessing.crop?.[0] ?? 224) <= 64;
  const batch = count(values, "batch", small ? 100 : 8);
  const progress = new Progress("evaluate", total);
  const started = performance.now();
  let correct = 0;
  let correct5 = 0;
  try {
    for (let at = 0; at < total; at += batch) {
      const samples: Sample[] = [];
      for (let i = at; i < Math.min(at + batch, total); i++) samples.push(await dataset.get(i));
      const logits = await classifier.logits(samples.map(({ image }) => image));
      const width = logits.length / samples.length;
      for (const [i, { label }] of samples.entries()) {
        const best = topIndices(logits.subarray(i * width, (i + 1) * width), Math.min(5, width));
        if (best[0] === classes[label]) correct++;
        if (best.includes(classes[label]!)) correct5++;
      }
      const done = at + samples.length;
      progress.update(done, percent(correct / done));
    }
  } finally {
    progress.end();
  }
  return { correct, correct5, total, seconds: (performance.now() - started) / 1000 };
}

/** For each class of the data the network's class: by name where there are labels, else by number. */
function targets(classifier: Classifier, dataset: ImageDataset): number[] {
  const { labels, numClasses } = classifier;
  if (labels !== undefined) return matchClasses(dataset.classes, labels);
  // With fewer, a class that is missing would give its number to the next.
  if (dataset.classes.length !== numClasses) {
    const counts = `the data has ${dataset.classes.length} classes and the network ${numClasses}`;
    throw new ArgumentError(`evaluate: ${counts}: which is which, names tell; give them with --labels FILE`);
  }
  return dataset.classes.map((_, i) => i);
}
