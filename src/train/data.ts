import { ArgumentError } from "../errors.ts";
import { need } from "../options.ts";
import type { OnDemandData } from "./onDemand.ts";
import type { PreparedData } from "./prepared.ts";

/** What training reads: pictures that are decoded, or that will be. */
export type TrainingData = PreparedData | OnDemandData;

/** @throws ArgumentError */
export function checkData(owner: string, data: Pick<TrainingData, "classes" | "labels">): void {
  need(data?.labels && data.classes, owner, "pictures as prepare or prepareOnDemand gives them", data);
}

/** What training needs beyond readable pictures: at least two classes, and pictures of each. @throws ArgumentError */
export function checkTrainable(data: Pick<PreparedData, "classes" | "labels">): void {
  checkData("training", data);
  const { classes, labels } = data;
  if (classes.length < 2) {
    throw new ArgumentError(
      `training: the data has ${classes.length} class${classes.length === 1 ? ` (${classes[0]})` : "es"}; at least two are needed`,
    );
  }
  const counts = new Uint32Array(classes.length);
  for (const label of labels) {
    if (label >= classes.length)
      throw new ArgumentError(`training: label ${label} is not one of ${classes.length} classes`);
    counts[label]!++;
  }
  const empty = classes.filter((_, i) => counts[i] === 0);
  if (empty.length > 0) throw new ArgumentError(`training: no picture shows ${empty.slice(0, 10).join(", ")}`);
}

/** Some of the pictures, in the order given. Pixels are copied; pictures that are decoded on demand stay in the one store. */
export function subset<T extends PreparedData | OnDemandData>(data: T, indices: ArrayLike<number>): T {
  checkData("subset", data);
  const length = indices.length;
  const labels = Uint16Array.from(indices, (i) => data.labels[i]!);
  if (!("pixels" in data)) {
    return { ...data, length, labels, picked: Uint32Array.from(indices, (i) => data.picked?.[i] ?? i) };
  }
  const size = data.height * data.width * data.channels;
  const pixels = new Uint8Array(length * size);
  for (let i = 0; i < length; i++) {
    const from = indices[i]!;
    pixels.set(data.pixels.subarray(from * size, (from + 1) * size), i * size);
  }
  return { ...data, length, pixels, labels };
}

export function isDecoded(data: TrainingData): data is PreparedData {
  return "pixels" in data;
}
