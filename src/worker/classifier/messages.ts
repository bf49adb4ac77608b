import type { BackendInfo } from "../../backend/backend.ts";
import type { ClassifierSource, LoadProgress } from "../../openClassifier.ts";
import type { HeatMap } from "../../vision/heatmap.ts";
import type { RawImage, RgbImage } from "../../vision/image.ts";
import type { Preprocessing } from "../../vision/presets.ts";
import type { ImageInput } from "../../vision/toImage.ts";
import type { Fault } from "../faults.ts";

/** Which backend a worker starts. The bytes of the binary come with it, so that the worker's script is one file. */
export interface BackendRequest {
  readonly backend: "wasm" | "js" | undefined;
  readonly threads: number;
  readonly relaxed: boolean;
  readonly binary: WebAssembly.Module | BufferSource | undefined;
  /** Whether these are the library's own: a failure is then the engine's. */
  readonly own: boolean;
  readonly worker: string | undefined;
}

export interface Requests {
  readonly open: { readonly source: ClassifierSource; readonly backend: BackendRequest };
  readonly logits: { readonly images: readonly ImageInput[] };
  readonly embed: { readonly image: ImageInput };
  readonly explain: { readonly image: ImageInput; readonly class: number | undefined };
}

export interface Answers {
  readonly open: {
    readonly numClasses: number;
    readonly preprocessing: Preprocessing;
    readonly backend: BackendInfo;
  };
  readonly logits: Float32Array;
  readonly embed: Float32Array;
  readonly explain: { readonly index: number; readonly map: HeatMap; readonly picture: RgbImage | RawImage };
}

export type Kind = keyof Requests;

/** To the worker: a call, or the wish that one be given up. */
export type ToWorker =
  | { readonly [K in Kind]: { readonly id: number; readonly kind: K; readonly request: Requests[K] } }[Kind]
  | { readonly id: number; readonly kind: "abort" };

/** From the worker. */
export type FromWorker =
  | { readonly id: number; readonly value: Answers[Kind] }
  | { readonly id: number; readonly fault: Fault }
  | { readonly progress: LoadProgress };
