import type { Calls, Name, Reply, Request, TrainFailure, TrainStep } from "./protocol.ts";

/**
 * The page's own worker: everything that takes longer than a frame and is no classifier's business. One that could not be started, or
 * ended, is followed by another at the next call.
 */
export class Lab {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #next = 1;
  onStep: ((step: TrainStep) => void) | undefined;
  onFailure: ((failure: TrainFailure) => void) | undefined;

  call<K extends Name>(call: K, ...args: Parameters<Calls[K]>): Promise<ReturnType<Calls[K]>> {
    const id = this.#next++;
    const request: Request = { id, call, args };
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
      if ("step" in data) return this.onStep?.(data.step);
      if ("failure" in data) return this.onFailure?.(data.failure);
      const call = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ("error" in data) call?.reject(new Error(data.error));
      else call?.resolve(data.value);
    });
    worker.addEventListener("error", (event) => {
      worker.terminate();
      this.#worker = undefined;
      const error = new Error(event.message || "The worker could not be started, or ended.");
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    return worker;
  }
}

let shared: Lab | undefined;

/** One for looking and teaching; training and measuring have their own, because they keep it busy. */
export function sharedLab(): Lab {
  shared ??= new Lab();
  return shared;
}
