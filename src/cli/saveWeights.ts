import { join } from "node:path";
import { type SavableTensor, saveSafetensors } from "../io/saveSafetensors.ts";
import type { Module } from "../nn/module.ts";
import { writeFileAtomic } from "../platform/nodeWrite.ts";
import { parseLabels } from "../vision/labels/labels.ts";

/** Writes a network's weights as PyTorch names them, from any backend: a GPU's values can only be waited for. */
export async function saveWeights(path: string, net: Module): Promise<void> {
  const tensors = new Map<string, SavableTensor>();
  for (const [name, t] of net.stateDict()) tensors.set(name, { shape: t.shape, data: await t.data() });
  writeFileAtomic(path, saveSafetensors(tensors, { metadata: { format: "pt" } }));
}

/** Writes the classes' names beside the weights, where `--weights` finds them. */
export function saveLabels(folder: string, classes: readonly string[]): void {
  const lines = `${classes.join("\n")}\n`;
  // Names that read as something else one a line ("[x]", "n01440764 tench", one with a line's end) are a JSON list.
  const text = isReadBack(lines, classes) ? lines : `${JSON.stringify(classes)}\n`;
  writeFileAtomic(join(folder, "labels.txt"), new TextEncoder().encode(text));
}

function isReadBack(text: string, classes: readonly string[]): boolean {
  try {
    const names = parseLabels(text).map(({ name }) => name);
    return names.length === classes.length && names.every((name, i) => name === classes[i]);
  } catch {
    return false;
  }
}
