import { need } from "../options.ts";
import type { OnDemandData } from "./onDemand.ts";
import type { PreparedData } from "./prepared.ts";

/** What training reads: pictures that are decoded, or that will be. */
export type TrainingData = PreparedData | OnDemandData;

/** @throws ArgumentError */
export function checkData(owner: string, data: Pick<TrainingData, "classes" | "labels">): void {
  need(data?.labels && data.classes, owner, "pictures as prepare or prepareOnDemand gives them", data);
}

export function isDecoded(data: TrainingData): data is PreparedData {
  return "pixels" in data;
}
