import { writeFileAtomic } from "#platform";
import { backward } from "../autograd/backward.ts";
import { clearTape } from "../autograd/tape.ts";
import { ArgumentError, ResNetError } from "../errors.ts";
import { BatchNorm2d } from "../nn/batchNorm2d.ts";
import { checkNet, type Module } from "../nn/module.ts";
import { crossEntropy } from "../ops/crossEntropy.ts";
import { checkOptions, checkWhole } from "../options.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { imageClassification } from "../vision/presets.ts";
import { type EpochLine, encodeRun, type Progress, type Run, restoreRun } from "./checkpoint.ts";
import { clipGradNorm } from "./clip.ts";
import { checkTrainable, isDecoded } from "./data.ts";
import { findNonFinite } from "./diagnose.ts";
import { Ema } from "./ema.ts";
import { checkOutputs, countCorrect, endsInSoftmax, evaluateBatches, evaluationLoader } from "./evaluateNet.ts";
import type { FitOptions, FitResult } from "./fitOptions.ts";
import { type Batch, DataLoader, type TrainingData, workerOptions } from "./loader.ts";
import { estimateMemory } from "./memory.ts";
import { type Optimizer, SGD } from "./optimizer.ts";
import { recomputeBlocks } from "./recompute.ts";
import { constant, type Schedule } from "./schedule.ts";
import { turn } from "./turn.ts";

/**
 * Trains a network on pictures, from `prepare` or `prepareOnDemand`. The same seed, data and options give the same bits on every machine
 * with the strict wasm backend, whatever its threads and `numWorkers`, and a run that was stopped and resumed those of one that was not.
 * @throws ArgumentError for data or options that cannot be trained with; ResNetError: ERR_DIVERGED when the loss is not finite,
 *   ERR_UNREADABLE for pictures that cannot be decoded when their batch comes (the run is saved first), ERR_WORKER when a data worker
 *   does not start, or ends
 */
export async function fit(net: Module, data: TrainingData, options: FitOptions): Promise<FitResult> {
  const run = new Fit(net, data, options);
  try {
    return await run.train();
  } finally {
    run.end();
  }
}

/** All of `FitOptions`: a learning rate under another name would silently be 0.1. */
const known =
  "epochs batch optimizer schedule labelSmoothing augment normalize seed validation clipNorm ema recompute checkpoint " +
  "checkpointEvery resume name onStart onStep onEpoch signal numWorkers prefetchFactor dataWorker";

/** An epoch of which nothing is done. */
const begun = { batch: 0, lossSum: 0, correct: 0, seen: 0 };

class Fit {
  readonly #net: Module;
  readonly #options: FitOptions;
  readonly #loader: DataLoader;
  /** Of the validation data. */
  readonly #tested: DataLoader | undefined;
  readonly #optimizer: Optimizer;
  readonly #ownOptimizer: boolean;
  readonly #schedule: Schedule;
  readonly #ema: Ema | undefined;
  readonly #run: Run;
  readonly #undo: (() => void)[] = [];
  #progress: Progress = { epoch: 0, ...begun, history: [] };

  constructor(net: Module, data: TrainingData, options: FitOptions) {
    checkNet("fit", net);
    checkOptions("fit", options, known);
    const {
      batch = 128,
      epochs,
      schedule = 0.1,
      seed = 0,
      augment = {},
      labelSmoothing = 0,
      clipNorm,
      ema,
      validation,
      name,
    } = options;
    checkWhole("fit", { epochs });
    if (endsInSoftmax(net)) {
      throw new ArgumentError(
        "fit: the network ends in a softmax and its loss is computed from logits, as if there were two: " +
          "build it with `classifierActivation: null`, or give it a new classifier (`resetClassifier`)",
      );
    }
    checkTrainable(data);
    if (validation && validation.classes.join("\n") !== data.classes.join("\n")) {
      const [own, other] = [data, validation].map(({ classes }) => classes.join(", "));
      throw new ArgumentError(`fit: the validation data has other classes (${other}) than the training data (${own})`);
    }
    const norms = [...net.modules()].some((m) => m instanceof BatchNorm2d);
    if (batch === 1 && norms) {
      throw new ArgumentError("fit: batch norm has no statistics of a batch of 1; use a batch of at least 2");
    }
    const normalize = options.normalize ?? imageClassification().normalize;
    const workers = workerOptions(options);
    this.#loader = new DataLoader(data, { batch, normalize, seed, augment, dropSingle: norms, ...workers });
    // Decoded pictures are evaluated as they are: there is nothing that a worker could do meanwhile.
    this.#tested = validation && evaluationLoader(validation, { normalize, ...(isDecoded(validation) ? {} : workers) });
    this.#net = net;
    this.#options = options;
    this.#ownOptimizer = options.optimizer === undefined;
    this.#optimizer = options.optimizer ?? new SGD(net.namedParameters(), { momentum: 0.9, weightDecay: 1e-4 });
    const own = new Set(net.parameters());
    for (const [name, parameter] of this.#optimizer.parameters) {
      if (!own.has(parameter)) {
        throw new ArgumentError(
          `fit: the optimiser's ${name} is not the network's: make it after what changes the network (resetClassifier)`,
        );
      }
    }
    this.#schedule = typeof schedule === "number" ? constant(schedule) : schedule;
    this.#ema = ema === undefined ? undefined : new Ema(net, ema);
    const optimizer = this.#optimizer;
    const settings = {
      ...(name === undefined ? {} : { network: name }),
      data: data.length,
      classes: data.classes.length,
      ...Object.fromEntries(data.classes.map((name, i) => [`class ${i}`, name])),
      batch,
      epochs,
      seed,
      augment,
      normalize,
      labelSmoothing,
      clipNorm: clipNorm ?? null,
      ema: ema ?? null,
      optimizer: { name: optimizer.name, ...optimizer.settings() },
      rates: [0, 0.25, 0.5, 0.75].map((share) => this.#rate(Math.floor(share * this.#total))),
    };
    this.#run = {
      net,
      optimizer,
      ema: this.#ema,
      // Of the moment: parameters may be thawed along the way.
      get settings() {
        return { ...settings, ...optimizer.moves() };
      },
    };
  }

  get #total(): number {
    return this.#options.epochs * this.#loader.steps;
  }

  #rate(step: number): number {
    return this.#schedule(step, this.#total, this.#loader.steps);
  }

  async train(): Promise<FitResult> {
    const { resume, onStart, epochs, recompute = false } = this.#options;
    const { data } = this.#loader;
    const net = this.#net;
    const shape = [Math.min(this.#options.batch ?? 128, data.length), data.channels, data.height, data.width];
    const memory = estimateMemory(net, shape, {
      optimizerKinds: this.#optimizer.kinds.length,
      ema: this.#ema !== undefined,
      recompute,
    });
    checkOutputs("fit", memory.outputShape, data);
    if (resume) this.#progress = restoreRun(resume, this.#run);
    await onStart?.({ memory, steps: this.#total, perEpoch: this.#loader.steps, done: this.#optimizer.steps });
    if (recompute) this.#undo.push(recomputeBlocks(net));
    this.#zeroGrad();
    net.train();
    const done = this.#optimizer.steps;
    try {
      while (this.#progress.epoch < epochs) if (!(await this.#epoch())) return this.#result(false);
    } catch (error) {
      // The step before was whole. Whoever mends the picture goes on from there.
      const unreadable = error instanceof ResNetError && error.code === "ERR_UNREADABLE";
      if (unreadable && this.#optimizer.steps > done) await this.#save();
      throw error;
    }
    this.#ema?.apply();
    return this.#result(true);
  }

  #result(finished: boolean): FitResult {
    return { history: this.#progress.history, steps: this.#optimizer.steps, finished };
  }

  /** The present epoch from where it stands. False when the signal stopped it. */
  async #epoch(): Promise<boolean> {
    const { checkpointEvery, signal, onEpoch, epochs } = this.#options;
    const { epoch, batch } = this.#progress;
    const started = performance.now();
    for await (const next of this.#loader.batches(epoch, batch, epochs)) {
      await this.#step(next, this.#rate(epoch * this.#loader.steps + next.index));
      const last = next.index + 1 === this.#loader.steps;
      if (signal) await turn(); // whoever gives it has to be heard
      if (signal?.aborted) {
        await this.#save();
        return false;
      }
      if (!last && checkpointEvery && this.#optimizer.steps % checkpointEvery === 0) await this.#save();
    }
    const { lossSum, correct, seen, history } = this.#progress;
    const loader = this.#tested;
    const evaluate = () => evaluateBatches(this.#net, loader!, signal);
    const tested = loader && (this.#ema ? await this.#ema.applied(evaluate) : await evaluate());
    if (loader && tested === undefined) {
      await this.#save(); // all steps of the epoch are over: who goes on evaluates first
      return false;
    }
    const line: EpochLine = {
      epoch: epoch + 1,
      lr: this.#rate((epoch + 1) * this.#loader.steps - 1),
      trainLoss: lossSum / seen,
      trainAccuracy: correct / seen,
      ...(tested ? { testLoss: tested.loss, testAccuracy: tested.correct / tested.count } : {}),
      seconds: Math.round((performance.now() - started) / 100) / 10,
    };
    this.#progress = { epoch: epoch + 1, ...begun, history: [...history, line] };
    await this.#save();
    await onEpoch?.(line, this.#progress.history);
    return true;
  }

  async #step({ index, input, target, labels, count }: Batch, lr: number): Promise<void> {
    const { labelSmoothing = 0, clipNorm, onStep } = this.#options;
    const net = this.#net;
    try {
      const [logits, loss] = tidy((): [Tensor, Tensor] => {
        const y = net.forward(input);
        const loss = crossEntropy(y, target, { labelSmoothing });
        return [y.keep(), loss.keep()];
      });
      backward(loss);
      const value = (await loss.data())[0]!;
      const correct = countCorrect(await logits.data(), labels);
      loss.dispose();
      logits.dispose();
      if (!Number.isFinite(value)) throw await this.#diverged(input, `the loss is ${value}`, lr);
      const norm = clipNorm === undefined ? undefined : await clipGradNorm(net.parameters(), clipNorm);
      if (norm !== undefined && !Number.isFinite(norm)) {
        throw await this.#diverged(input, `the norm of the gradients is ${norm}`, lr);
      }
      this.#optimizer.step(lr);
      this.#zeroGrad();
      this.#ema?.update();
      const p = this.#progress;
      const now = {
        ...p,
        batch: index + 1,
        lossSum: p.lossSum + value * count,
        correct: p.correct + correct,
        seen: p.seen + count,
      };
      this.#progress = now;
      await onStep?.({
        step: this.#optimizer.steps,
        steps: this.#total,
        epoch: p.epoch + 1,
        loss: value,
        lr,
        meanLoss: now.lossSum / now.seen,
        meanAccuracy: now.correct / now.seen,
        count,
        ...(norm === undefined ? {} : { gradNorm: norm }),
      });
    } finally {
      input.dispose();
      target.dispose();
      clearTape();
    }
  }

  /** Gradients of what the optimiser does not move, and of before, would be added to. */
  #zeroGrad(): void {
    this.#optimizer.zeroGrad();
    this.#net.zeroGrad();
  }

  async #diverged(input: Tensor, what: string, lr: number): Promise<ResNetError> {
    const where = await findNonFinite(this.#net, input);
    return new ResNetError(
      `fit: training diverged at step ${this.#optimizer.steps + 1} (epoch ${this.#progress.epoch + 1}): ${what}` +
        `${where === undefined ? "" : `, ${where}`}. The learning rate was ${lr}: lower it, warm up, or set clipNorm`,
      { code: "ERR_DIVERGED" },
    );
  }

  async #save(): Promise<void> {
    const { checkpoint } = this.#options;
    if (checkpoint === undefined) return;
    const file = await encodeRun(this.#run, this.#progress);
    if (typeof checkpoint === "string") writeFileAtomic(checkpoint, file);
    else await checkpoint(file);
  }

  end(): void {
    this.#loader.dispose();
    this.#tested?.dispose();
    for (const undo of this.#undo) undo();
    this.#zeroGrad();
    this.#ema?.dispose();
    if (this.#ownOptimizer) this.#optimizer.dispose();
  }
}
