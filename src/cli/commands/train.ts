import { existsSync } from "node:fs";
import { join } from "node:path";
import { FileAccessError } from "../../errors.ts";
import { loadCheckpoint } from "../../io/checkpoint.ts";
import { createForLogits } from "../../models/logits.ts";
import { modelName } from "../../models/names.ts";
import { writeFileAtomic } from "../../platform/nodeWrite.ts";
import { manualSeed } from "../../tensor/random.ts";
import type { EpochLine } from "../../train/checkpoint.ts";
import { fit } from "../../train/fit.ts";
import { describeMemory } from "../../train/memory.ts";
import { SGD } from "../../train/optimizer.ts";
import { cosine, warmUp } from "../../train/schedule.ts";
import { usualPreprocessing } from "../../usual.ts";
import { openDataset } from "../../vision/openDataset.ts";
import { start } from "../backend.ts";
import { type Command, count, noWords, number, text, UsageError, type Values, workersOption } from "../command.ts";
import { tryOutFolder } from "../outFolder.ts";
import { plot } from "../plot.ts";
import { Progress } from "../progress.ts";
import { saveLabels, saveWeights } from "../saveWeights.ts";
import { flipOption, isGrey, mirrors, openTests, tellAllUnreadable, trainingData, workers } from "../trainingData.ts";

export const train: Command = {
  name: "train",
  summary: "Train a network on pictures from the beginning; a run that was stopped goes on where it was.",
  usage: "--data PATH --out FOLDER [options]",
  options: {
    data: {
      type: "string",
      short: "d",
      value: "PATH",
      help: "CIFAR or MNIST files, or class folders or a zip of them, with train and test",
    },
    out: {
      type: "string",
      short: "o",
      value: "FOLDER",
      help: "for checkpoint.safetensors, model.safetensors, labels.txt, log.jsonl, curves.svg",
    },
    model: { type: "string", short: "m", value: "NAME", help: "network; cifar_resnet20 by default" },
    epochs: { type: "string", value: "N", help: "30 by default" },
    batch: { type: "string", value: "N", help: "128 by default" },
    lr: {
      type: "string",
      value: "RATE",
      help: "highest learning rate: a fifth of the steps up to it, then a cosine; 0.2",
    },
    "weight-decay": { type: "string", value: "D", help: "1e-4 by default" },
    seed: { type: "string", value: "N", help: "of weights, order and augmentation; 0 by default" },
    every: { type: "string", value: "N", help: "save the run after every N steps too" },
    resume: { type: "boolean", help: "go on from the checkpoint in --out, to the same bits as if it had not stopped" },
    ...flipOption,
    workers: workersOption,
    recompute: { type: "boolean", help: "less memory, about a third more time, the same bits" },
  },
  examples: ["resnet-ts train --data cifar10.zip --model cifar_resnet20 --epochs 30 --out run --resume"],
  async run(values, words) {
    noWords("train", words);
    const [path, out] = [needed(values, "data"), needed(values, "out")];
    const model = modelName(text(values, "model") ?? "cifar_resnet20");
    const [lr, weightDecay] = [number(values, "lr", 0.2), number(values, "weight-decay", 1e-4)];
    const seed = count(values, "seed", 0, 0);
    tryOutFolder(out);
    await start(values);
    const dataset = await openDataset(path, { split: "train" });
    // Where there are no two parts a test on what was learned would tell nothing.
    const tested = await openTests(path, dataset);
    const preprocessing = usualPreprocessing(model, (await isGrey(dataset)) ? 1 : 3);
    const data = await trainingData(dataset, preprocessing, "read train");
    const validation = tested && (await trainingData(tested, preprocessing, "read test"));
    if (validation === undefined) console.error(`${path} has no part for tests: only the training is measured`);
    const loading = await workers(values, data);
    manualSeed(seed);
    const net = createForLogits(model, { inChannels: data.channels, numClasses: data.classes.length });
    const checkpoint = join(out, "checkpoint.safetensors");
    if (values.resume && !existsSync(checkpoint)) console.error(`${checkpoint} is not there yet: starting anew`);
    const resume = values.resume && existsSync(checkpoint) ? await loadCheckpoint(checkpoint) : undefined;
    if (!resume && existsSync(checkpoint)) {
      throw new FileAccessError(checkpoint, "is there already: pass --resume, or another --out");
    }
    const stop = new AbortController();
    const interrupt = () => stop.abort();
    process.once("SIGINT", interrupt);
    const every = count(values, "every", 0, 0);
    let bar = new Progress("train", 1);
    let perEpoch = 1;
    let [seen, began] = [0, performance.now()];
    const log = (history: readonly EpochLine[]) => {
      const lines = history.map((line) => `${JSON.stringify(line)}\n`).join("");
      writeFileAtomic(join(out, "log.jsonl"), new TextEncoder().encode(lines));
    };
    try {
      const fitting = () =>
        fit(net, data, {
          ...loading,
          name: model,
          epochs: count(values, "epochs", 30),
          batch: count(values, "batch", 128),
          optimizer: new SGD(net.namedParameters(), { momentum: 0.9, weightDecay }),
          schedule: warmUp(0.2, cosine(lr)),
          augment: { pad: 4, flip: mirrors(values, data.classes) },
          normalize: preprocessing.normalize,
          seed,
          ...(validation === undefined ? {} : { validation }),
          checkpoint,
          recompute: values.recompute === true,
          signal: stop.signal,
          ...(every > 0 ? { checkpointEvery: every } : {}),
          ...(resume ? { resume } : {}),
          onStart: (about) => {
            perEpoch = about.perEpoch;
            const size = `${data.width}x${data.height}${data.channels === 1 ? ", grey" : ""}`;
            console.error(
              `${data.length} pictures (${size}), ${about.steps} steps, ${about.done} done; ${describeMemory(about.memory)}`,
            );
            bar = new Progress("train", about.steps);
            began = performance.now();
          },
          onStep: ({ step, meanLoss, meanAccuracy, count: pictures, epoch }) => {
            seen += pictures;
            const speed = (1000 * seen) / (performance.now() - began);
            bar.update(
              step,
              `epoch ${epoch} loss ${meanLoss.toFixed(3)} ${(100 * meanAccuracy).toFixed(1)} % ${speed.toFixed(0)} images/s`,
            );
          },
          onEpoch: (line, history) => {
            bar.end();
            log(history);
            writeFileAtomic(join(out, "curves.svg"), new TextEncoder().encode(plot(history, model)));
            console.log(JSON.stringify(line));
          },
        });
      const result = await tellAllUnreadable(validation === undefined ? [data] : [data, validation], fitting);
      bar.end();
      if (!result.finished) {
        console.error(`stopped after ${result.steps} steps (${perEpoch} an epoch); --resume goes on`);
        return 1;
      }
      log(result.history);
      await saveWeights(join(out, "model.safetensors"), net);
      saveLabels(out, data.classes);
      return 0;
    } finally {
      process.off("SIGINT", interrupt);
      bar.end();
    }
  },
};

function needed(values: Values, name: string): string {
  const value = text(values, name);
  if (value === undefined) throw new UsageError(`train needs --${name}`);
  return value;
}
