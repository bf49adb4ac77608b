import { DisposedError, ResNetError } from "../../errors.ts";
import type { Composed } from "../../train/compose.ts";
import { fromFault } from "../faults.ts";
import type { Spawned } from "../spawn.ts";
import type { BatchRequest, FromDataWorker, OpenRequest } from "./messages.ts";

export interface PoolOptions {
  readonly spawn: () => Spawned;
  readonly workers: number;
  /** Batches asked for and not taken, for each worker. */
  readonly prefetch: number;
  readonly request: Omit<OpenRequest, "kind">;
  /** Floats of a whole batch. */
  readonly floats: number;
}

/** A batch by its place in training. */
export interface Place {
  readonly epoch: number;
  readonly index: number;
}

interface Ahead extends Place {
  readonly batch: Promise<Composed>;
}

interface Asked {
  readonly resolve: (batch: Composed) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Workers that make batches, each asked in turn. While one batch is used, at most `workers * prefetch` others are asked for or wait,
 * and one buffer more than that goes to and fro. Which worker makes a batch changes nothing in it.
 */
export class DataPool {
  readonly #options: PoolOptions;
  readonly #workers: Spawned[] = [];
  readonly #asked = new Map<number, Asked>();
  readonly #free: Float32Array<ArrayBuffer>[] = [];
  #ahead: Ahead[] = [];
  #dead: Error | undefined;
  #ids = 0;

  /** @throws ResNetError (ERR_WORKER) when a worker cannot be started */
  constructor(options: PoolOptions) {
    this.#options = options;
    for (let i = 0; i < options.workers; i++) this.#start();
  }

  /** Buffers: for the batch that is taken and those ahead of it. */
  get #depth(): number {
    return this.#options.workers * this.#options.prefetch + 1;
  }

  /**
   * Waits for a batch, and has those after it begun. Whoever takes a batch gives its buffer back by {@link release} before the next.
   * @param next the place after another one, or undefined where there is none
   */
  async take(place: Place, next: (place: Place) => Place | undefined): Promise<Composed> {
    // What was asked for before somebody went elsewhere is not waited for.
    const first = this.#ahead[0];
    if (first !== undefined && !isSame(first, place)) this.#ahead = [];
    let following: Place | undefined = this.#ahead.length === 0 ? place : next(this.#ahead.at(-1)!);
    while (following !== undefined && this.#ahead.length < this.#depth) {
      this.#ahead.push({ ...following, batch: this.#ask(following) });
      following = next(following);
    }
    const { batch } = this.#ahead.shift()!;
    for (const worker of this.#workers) worker.busy?.();
    try {
      return await batch;
    } finally {
      for (const worker of this.#workers) worker.idle?.();
    }
  }

  /** Gives back a buffer, which the next batch is written to. */
  release({ values }: Composed): void {
    if (this.#free.length < this.#depth) this.#free.push(values);
  }

  /** Ends the workers; whoever waits is told so. */
  dispose(): void {
    this.#end(new DisposedError("data loader"));
  }

  #ask({ epoch, index }: Place): Promise<Composed> {
    const id = ++this.#ids;
    const batch = new Promise<Composed>((resolve, reject) => {
      if (this.#dead !== undefined) reject(this.#dead);
      else this.#asked.set(id, { resolve, reject });
    });
    batch.catch(() => {}); // told when it is taken
    if (this.#dead !== undefined) return batch;
    const values = this.#free.pop() ?? new Float32Array(this.#options.floats);
    const request: BatchRequest = { kind: "batch", id, epoch, index, values };
    this.#workers[id % this.#workers.length]!.post(request, [values.buffer]);
    return batch;
  }

  #start(): void {
    const { spawn, request } = this.#options;
    try {
      const worker = spawn();
      this.#workers.push(worker);
      worker.listen(
        (message) => this.#receive(message as FromDataWorker),
        (cause) => this.#end(workerError(cause)),
      );
      worker.post({ kind: "open", ...request } satisfies OpenRequest);
      worker.idle?.();
    } catch (cause) {
      this.#end(workerError(cause as Error));
      throw this.#dead;
    }
  }

  #receive(message: FromDataWorker): void {
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if ("fault" in message) asked?.reject(fromFault(message.fault));
    else asked?.resolve(message.batch);
  }

  #end(error: Error): void {
    if (this.#dead !== undefined) return;
    this.#dead = error;
    for (const worker of this.#workers) worker.terminate();
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }
}

const isSame = (a: Place, b: Place) => a.epoch === b.epoch && a.index === b.index;

function workerError(cause: Error): ResNetError {
  return new ResNetError(
    `data loader: a data worker could not be started, or ended (${cause.message}); numWorkers: 0 does without, dataWorker says where ` +
      "its script dataWorker.js lies",
    { code: "ERR_WORKER", cause },
  );
}
