import { readFileSync } from "node:fs";
import { type Classifier, createClassifier } from "../classifier.ts";
import { FileAccessError } from "../errors.ts";
import { parseLabels } from "../vision/labels/labels.ts";
import { type OptionSpec, text, type Values } from "./command.ts";

/** The options that choose a network. */
export const networkOptions: Readonly<Record<string, OptionSpec>> = {
  model: { type: "string", short: "m", value: "NAME", help: "network; `resnet-ts models` lists them (cifar_resnet20)" },
  weights: {
    type: "string",
    short: "w",
    value: "FILE",
    help: "checkpoint: .safetensors, .pth, .pt, .th; path or address",
  },
  labels: { type: "string", value: "FILE", help: "names of the classes: one a line, or JSON" },
};

/** The network that the options choose, with its weights. */
export async function openNetwork(values: Values): Promise<Classifier> {
  const weights = text(values, "weights");
  const labels = text(values, "labels");
  return createClassifier(text(values, "model") ?? "cifar_resnet20", {
    ...(weights === undefined ? {} : { weights }),
    ...(labels === undefined ? {} : { labels: parseLabels(read(labels), labels) }),
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new FileAccessError(file, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
