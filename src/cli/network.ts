import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Classifier } from "../classifier.ts";
import { createClassifier } from "../createClassifier.ts";
import { ArgumentError } from "../errors.ts";
import { openFile } from "../platform/nodeFiles.ts";
import { parseLabels } from "../vision/labels/labels.ts";
import { type OptionSpec, text, type Values } from "./command.ts";
import { Progress } from "./progress.ts";

/** Which published weights may be used. */
export const licenceOptions: Readonly<Record<string, OptionSpec>> = {
  offline: { type: "boolean", help: "use downloaded weights only" },
  "allow-non-commercial": { type: "boolean", help: "load weights whose licence forbids commercial use" },
};

/** What those options say. */
export function fetching(values: Values): { offline?: boolean; allowNonCommercial: boolean } {
  return {
    allowNonCommercial: values["allow-non-commercial"] === true,
    ...(values.offline === true ? { offline: true } : {}),
  };
}

/** The options that choose a network. */
export const networkOptions: Readonly<Record<string, OptionSpec>> = {
  model: { type: "string", short: "m", value: "NAME", help: "network; `resnet-ts models` lists them (cifar_resnet20)" },
  weights: {
    type: "string",
    short: "w",
    value: "FILE",
    help: "checkpoint (.safetensors, .pth, .pt, .th, Keras .h5; path or address) or name, e.g. IMAGENET1K_V2",
  },
  ...licenceOptions,
  labels: {
    type: "string",
    value: "FILE",
    help: "names of the classes: one a line, or JSON; labels.txt beside --weights by default",
  },
};

/** The network that the options choose, with its weights. */
export async function openNetwork(values: Values): Promise<Classifier> {
  const weights = text(values, "weights");
  const given = text(values, "labels");
  const labels = given ?? labelsBeside(weights);
  let bar: Progress | undefined;
  const classifier = await createClassifier(text(values, "model") ?? "cifar_resnet20", {
    onProgress({ phase, file, loaded, total }) {
      if (phase === "download" && total !== undefined) {
        bar ??= new Progress(file, Math.ceil(total / 1e6), "MB");
        bar.update(Math.floor((loaded ?? 0) / 1e6));
      } else bar?.end();
    },
    ...(weights === undefined ? {} : { weights }),
    fetch: fetching(values),
    ...(labels === undefined ? {} : { labels: parseLabels(read(labels), labels) }),
  }).catch((error: unknown) => {
    const isCount = error instanceof ArgumentError && / labels for \d+ classes$/.test(error.message);
    if (!isCount || labels === undefined) throw error;
    const advice = given === undefined ? ", which lies beside the weights: give --labels FILE, or move it" : "";
    throw new ArgumentError(`${error.message}: ${labels}${advice}`, { cause: error });
  });
  bar?.end();
  return classifier;
}

/** What `train` and `finetune` wrote: a network of ten classes of one's own would answer with CIFAR-10's names. */
function labelsBeside(weights: string | undefined): string | undefined {
  const path = weights && existsSync(weights) ? join(dirname(weights), "labels.txt") : undefined;
  return path && existsSync(path) ? path : undefined;
}

function read(path: string): string {
  const file = openFile(path);
  const bytes = new Uint8Array(file.size);
  file.readInto(bytes, 0);
  return new TextDecoder().decode(bytes);
}
