import type { Checkpoint } from "../io/stateDict.ts";
import type { Normalization } from "../vision/presets.ts";
import type { EpochLine } from "./checkpoint.ts";
import type { Augmentation, DataWorkerOptions, TrainingData } from "./loader.ts";
import type { MemoryEstimate } from "./memory.ts";
import type { Optimizer } from "./optimizer.ts";
import type { Schedule } from "./schedule.ts";

/** What `onStep` is told. */
export interface StepInfo {
  /** Steps taken, this one too; of `steps` in all. */
  readonly step: number;
  readonly steps: number;
  /** From 1. */
  readonly epoch: number;
  readonly loss: number;
  readonly lr: number;
  /** Means over the epoch so far. */
  readonly meanLoss: number;
  readonly meanAccuracy: number;
  /** Pictures of this step. */
  readonly count: number;
  /** L2 norm of all gradients, where `clipNorm` measures it. */
  readonly gradNorm?: number;
}

/** How `fit` trains; whatever is left out is the paper's or does nothing. */
export interface FitOptions extends DataWorkerOptions {
  readonly epochs: number;
  /** 128 by default. */
  readonly batch?: number;
  /** SGD with momentum 0.9 and weight decay 1e-4 by default, the paper's. */
  readonly optimizer?: Optimizer;
  /** A learning rate, or one for each step; 0.1 by default. */
  readonly schedule?: Schedule | number;
  readonly labelSmoothing?: number;
  readonly augment?: Augmentation;
  /** ImageNet's statistics by default. */
  readonly normalize?: Normalization;
  /** Of the data's order and augmentation. 0 by default. Dropout draws from the default generator: see `manualSeed`. */
  readonly seed?: number;
  /** Pictures to evaluate on after each epoch. */
  readonly validation?: TrainingData;
  /** Largest L2 norm of all gradients together. */
  readonly clipNorm?: number;
  /** Decay of a moving average of the weights, which is then what is evaluated, and what the network has in the end. */
  readonly ema?: number;
  /** Forget activations inside blocks and compute them again in the backward pass: less memory, the same bits. */
  readonly recompute?: boolean;
  /** Where the run is saved after each epoch: a path (replaced atomically), or a function that takes the file. */
  readonly checkpoint?: string | ((file: Uint8Array) => void | Promise<void>);
  /** Also after every so many steps. */
  readonly checkpointEvery?: number;
  /** Goes on from a checkpoint (`await loadCheckpoint(path)`). */
  readonly resume?: Checkpoint;
  /** What the network is called. A run goes on under its name only: networks that compute different things can have equal parameters. */
  readonly name?: string;
  /** Before the first step: how much memory a step needs. */
  readonly onStart?: (about: {
    memory: MemoryEstimate;
    steps: number;
    perEpoch: number;
    done: number;
  }) => void | Promise<void>;
  /** After each step; training waits for it. */
  readonly onStep?: (info: StepInfo) => void | Promise<void>;
  /** After each epoch, and what was evaluated; training waits for it. */
  readonly onEpoch?: (line: EpochLine, history: readonly EpochLine[]) => void | Promise<void>;
  /** Stops after the step in progress, or between two batches of an evaluation; the run is saved first. */
  readonly signal?: AbortSignal;
}

/** What `fit` did. */
export interface FitResult {
  readonly history: readonly EpochLine[];
  /** Steps taken in all. */
  readonly steps: number;
  /** False when the signal stopped it. */
  readonly finished: boolean;
}
