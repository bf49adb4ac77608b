import type { ComposePlan } from "../../train/compose.ts";
import type { TrainingData } from "../../train/data.ts";
import type { DataPool } from "./pool.ts";

/** What a loader wants of its workers. */
export interface DataJob {
  readonly data: TrainingData;
  readonly plan: ComposePlan;
  /** Floats of a whole batch. */
  readonly floats: number;
  readonly numWorkers: number;
  readonly prefetchFactor: number;
  /** Where `dataWorker.js` lies, when it is not beside the library. */
  readonly dataWorker?: string | URL;
}

/** A platform's workers that make batches. */
export interface DataWorkers {
  /** Starts them. @throws ResNetError (ERR_WORKER) */
  open(job: DataJob): Promise<DataPool>;
}
