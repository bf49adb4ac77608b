import type { Composed, ComposePlan } from "../../train/compose.ts";
import type { PictureSize } from "../../train/decoded.ts";
import type { DatasetOrigin } from "../../vision/datasets.ts";
import type { Preprocessing } from "../../vision/presets.ts";
import type { Fault } from "../faults.ts";

/** Pictures as they can be sent: memory is shared, files are opened again. */
export type SentPictures =
  | { readonly kind: "decoded"; readonly pixels: Uint8Array; readonly size: number }
  | {
      readonly kind: "onDemand";
      readonly origin: DatasetOrigin;
      /** Of the data set at `origin`: it must still have as many. */
      readonly pictures: number;
      readonly size: PictureSize;
      readonly preprocessing: Preprocessing | undefined;
      readonly pixels: Uint8Array;
      readonly ready: Uint8Array;
      readonly picked: Uint32Array | undefined;
    };

/** The first message to a data worker, which has no answer: what batches are made of. */
export interface OpenRequest {
  readonly kind: "open";
  readonly plan: ComposePlan;
  readonly labels: Uint16Array;
  readonly data: SentPictures;
}

/** Asks for a batch, to be written into `values`, which comes back with the answer. */
export interface BatchRequest {
  readonly kind: "batch";
  readonly id: number;
  readonly epoch: number;
  readonly index: number;
  readonly values: Float32Array<ArrayBuffer>;
}

export type ToDataWorker = OpenRequest | BatchRequest;

export type FromDataWorker =
  | { readonly id: number; readonly batch: Composed }
  | { readonly id: number; readonly fault: Fault };
