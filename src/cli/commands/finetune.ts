import { join } from "node:path";
import { embeddedCifarResnet20 } from "../../models/embedded/cifarResnet20.ts";
import { type ModelName, modelName } from "../../models/names.ts";
import type { PictureNet } from "../../models/pictureNet.ts";
import { models } from "../../models/registry.ts";
import { pretrained } from "../../pretrained.ts";
import { checkTrainable, isDecoded } from "../../train/data.ts";
import { evaluateNet } from "../../train/evaluateNet.ts";
import { finetune as finetuneHead, splitByClass } from "../../train/finetune.ts";
import { fit } from "../../train/fit.ts";
import { checkReadable } from "../../train/onDemand.ts";
import { SGD } from "../../train/optimizer.ts";
import { cosine, warmUp } from "../../train/schedule.ts";
import { usualPreprocessing } from "../../usual.ts";
import { openDataset } from "../../vision/openDataset.ts";
import { weightsOf } from "../../weights.ts";
import { start } from "../backend.ts";
import { type Command, count, number, text, UsageError, type Values, workersOption } from "../command.ts";
import { fetching, licenceOptions } from "../network.ts";
import { tryOutFolder } from "../outFolder.ts";
import { Progress } from "../progress.ts";
import { saveLabels, saveWeights } from "../saveWeights.ts";
import { flipOption, mirrors, openTests, tellAllUnreadable, trainingData, workers } from "../trainingData.ts";

export const finetune: Command = {
  name: "finetune",
  summary: "Teach a trained network your own classes: folders of pictures, one for each class.",
  usage: "FOLDER --out FOLDER [options]",
  options: {
    from: {
      type: "string",
      short: "m",
      value: "NAME",
      help: "trained network to start from; cifar_resnet20, which is embedded, by default",
    },
    weights: { type: "string", short: "w", value: "FILE", help: "its checkpoint, or the name of published weights" },
    out: { type: "string", short: "o", value: "FOLDER", help: "for model.safetensors and labels.txt" },
    epochs: { type: "string", value: "N", help: "passes of the new classifier over the features; 100 by default" },
    "all-epochs": {
      type: "string",
      value: "N",
      help: "then so many passes over the pictures with all layers; 0 by default",
    },
    lr: { type: "string", value: "RATE", help: "highest learning rate with all layers; 0.01 by default" },
    validation: {
      type: "string",
      value: "SHARE",
      help: "of each class kept aside to measure accuracy; 0.2 by default",
    },
    seed: { type: "string", value: "N", help: "of the division and the order; 0 by default" },
    ...flipOption,
    workers: workersOption,
    ...licenceOptions,
  },
  examples: [
    "resnet-ts finetune photos/ --out mine",
    "resnet-ts finetune photos/ --from resnet18 --all-epochs 5 --out mine",
    "resnet-ts classify photo.jpg --weights mine/model.safetensors",
  ],
  async run(values, [folder, ...more]) {
    const out = text(values, "out");
    if (folder === undefined || more.length > 0) throw new UsageError("finetune needs one folder of class folders");
    if (out === undefined) throw new UsageError("finetune needs --out FOLDER");
    const model = modelName(text(values, "from") ?? "cifar_resnet20");
    const share = number(values, "validation", 0.2);
    if (!(share < 1)) throw new UsageError("--validation must be a share from 0 to below 1");
    const lr = number(values, "lr", 0.01);
    if (!(lr > 0)) throw new UsageError("--lr must be a number above 0");
    const seed = count(values, "seed", 0, 0);
    const allEpochs = count(values, "all-epochs", 0, 0);
    const began = performance.now();
    tryOutFolder(out);
    await start(values);
    const preprocessing = usualPreprocessing(model);
    const read = new Progress("read", 1);
    const dataset = await openDataset(folder, { split: "train" });
    read.end();
    const data = await trainingData(dataset, preprocessing, "read");
    checkTrainable(data);
    const [train, kept] = splitByClass(data, share, seed);
    const loading = await workers(values, data);
    // Those kept aside come last; a bad one among them must not be found after all is learned.
    if (!isDecoded(kept)) await tellAllUnreadable([data], () => checkReadable(kept));
    const net = await openBackbone(model, values, data.channels);
    const { normalize } = preprocessing;
    const bar = new Progress("features", 2 * train.length);
    const head = await tellAllUnreadable([data], () =>
      finetuneHead(net, train, {
        ...loading,
        normalize,
        epochs: count(values, "epochs", 100),
        seed,
        ...(models[model].size === 32 ? {} : { batch: 8 }),
        onFeatures: (done) => bar.update(done),
      }),
    ).finally(() => bar.end());
    if (allEpochs > 0) {
      net.requiresGrad(true);
      const steps = new Progress("all layers", 1);
      await fit(net, train, {
        ...loading,
        epochs: allEpochs,
        batch: Math.min(models[model].size === 32 ? 32 : 8, train.length),
        optimizer: new SGD(net.namedParameters(), { momentum: 0.9, weightDecay: 1e-4 }),
        schedule: warmUp(0.1, cosine(lr)),
        augment: { flip: mirrors(values, data.classes), ...(models[model].size === 32 ? { pad: 4 } : {}) },
        normalize,
        seed,
        onEpoch: ({ epoch, trainLoss }) => console.error(`all layers: epoch ${epoch} loss ${trainLoss.toFixed(3)}`),
      }).finally(() => steps.end());
    }
    net.eval();
    const right = await evaluateNet(net, train, { normalize, ...loading });
    const tested = kept.length > 0 ? await evaluateNet(net, kept, { normalize }) : undefined;
    await saveWeights(join(out, "model.safetensors"), net);
    saveLabels(out, data.classes);
    if (await openTests(folder, dataset)) {
      const command = `resnet-ts evaluate --model ${model} --weights ${join(out, "model.safetensors")} --data ${folder}`;
      console.error(`note: ${folder} has a part for tests, which was not looked at; ${command} measures on it`);
    }
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    const result = {
      model,
      classes: data.classes.length,
      pictures: train.length,
      trainAccuracy: right.correct / right.count,
      ...(tested ? { kept: tested.count, accuracy: tested.correct / tested.count } : {}),
      headLoss: head.loss,
      seconds,
    };
    const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
    console.log(
      values.json
        ? JSON.stringify(result)
        : `${data.classes.length} classes, ${train.length} pictures: ${percent(result.trainAccuracy)} of them right` +
            `${tested ? `, ${percent(tested.correct / tested.count)} of ${tested.count} kept aside` : ""}; ${seconds} s`,
    );
    net.dispose();
    return 0;
  },
};

/** The trained network without its classifier. */
async function openBackbone(model: ModelName, values: Values, inChannels: number): Promise<PictureNet> {
  const given = text(values, "weights");
  const embedded = given === undefined && model === "cifar_resnet20";
  if (given === undefined && !embedded && weightsOf(model).length === 0) {
    throw new UsageError(`no weights are published for ${model}: pass --weights FILE`);
  }
  const weights = embedded ? await embeddedCifarResnet20() : (given ?? "DEFAULT");
  return pretrained(model, { weights, numClasses: 0, inChannels, ...fetching(values) });
}
