import type { OnDemandData } from "./onDemand.ts";
import type { PreparedData } from "./prepared.ts";

/** What training reads: pictures that are decoded, or that will be. */
export type TrainingData = PreparedData | OnDemandData;

export function isDecoded(data: TrainingData): data is PreparedData {
  return "pixels" in data;
}
