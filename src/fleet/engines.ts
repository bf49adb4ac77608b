import { Worker } from "node:worker_threads";
import type { EngineSpec, Outcome, PictureBytes } from "./engine.ts";
import { messageOf } from "./errors.ts";

export interface ToThread {
  readonly id: number;
  readonly pictures: readonly PictureBytes[];
}

export type FromThread =
  | { readonly kind: "ready"; readonly batch: number; readonly probe: string }
  | { readonly kind: "done"; readonly id: number; readonly outcomes: Outcome[] }
  | { readonly kind: "failed"; readonly id: number; readonly error: unknown };

interface Task {
  readonly pictures: readonly PictureBytes[];
  readonly resolve: (outcomes: Outcome[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly running: Map<number, Task>;
}

/** Batches that a thread holds: the one that it computes, and the next, so that it never waits for a message. */
const HELD = 2;

/**
 * Engines on threads, one for each core that shall work. Each decodes and computes on its own: pictures are independent, so
 * threads never wait for one another, and one's decoding overlaps the others' networks.
 */
export class Engines {
  readonly batch: number;
  readonly probe: string;
  readonly #threads: readonly Thread[];
  readonly #waiting: Task[] = [];
  #next = 0;
  #broken: Error | undefined;

  /** Use {@link Engines.start}. */
  constructor(threads: readonly Thread[], batch: number, probe: string) {
    this.#threads = threads;
    this.batch = batch;
    this.probe = probe;
    for (const thread of threads) this.#listen(thread);
  }

  static async start(spec: EngineSpec, count: number): Promise<Engines> {
    const threads: Thread[] = Array.from({ length: count }, () => ({
      worker: new Worker(new URL("./engineThread.js", import.meta.url), { workerData: spec }),
      running: new Map(),
    }));
    try {
      const ready = await Promise.all(threads.map(({ worker }) => firstMessage(worker)));
      const { batch, probe } = ready[0]!;
      return new Engines(threads, batch, probe);
    } catch (error) {
      for (const { worker } of threads) void worker.terminate();
      throw error;
    }
  }

  /** Lines of at most `batch` pictures, whose bytes move to the engine. */
  run(pictures: readonly PictureBytes[]): Promise<Outcome[]> {
    return new Promise((resolve, reject) => {
      if (this.#broken !== undefined) reject(this.#broken);
      else {
        this.#waiting.push({ pictures, resolve, reject });
        this.#dispatch();
      }
    });
  }

  async close(): Promise<void> {
    this.#broken ??= new Error("the engines are closed");
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#threads.reduce((a, b) => (b.running.size < a.running.size ? b : a));
      if (thread.running.size >= HELD) return;
      const task = this.#waiting.shift()!;
      const id = this.#next++;
      thread.running.set(id, task);
      const message: ToThread = { id, pictures: task.pictures };
      thread.worker.postMessage(
        message,
        task.pictures.map(({ bytes }) => bytes.buffer),
      );
    }
  }

  #listen(thread: Thread): void {
    thread.worker.on("message", (message: FromThread) => {
      if (message.kind === "ready") return;
      const task = thread.running.get(message.id);
      thread.running.delete(message.id);
      if (message.kind === "done") task?.resolve(message.outcomes);
      else task?.reject(message.error);
      this.#dispatch();
    });
    thread.worker.on("error", (error) => this.#break(error));
    thread.worker.on("exit", (code) => this.#break(new Error(`an engine's thread ended (exit code ${code})`)));
  }

  #break(cause: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = new Error(`an engine died: ${messageOf(cause)}`, { cause });
    const tasks = [...this.#threads.flatMap(({ running }) => [...running.values()]), ...this.#waiting.splice(0)];
    for (const { reject } of tasks) reject(this.#broken);
  }
}

function firstMessage(worker: Worker): Promise<FromThread & { readonly kind: "ready" }> {
  return new Promise((resolve, reject) => {
    worker.once("message", (message: FromThread) => {
      if (message.kind === "ready") resolve(message);
    });
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`an engine's thread ended at its start (exit code ${code})`)));
  });
}
