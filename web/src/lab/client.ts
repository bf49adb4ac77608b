import type { Calls, Name, Reply, Request, TrainFailure, TrainStep } from "./protocol.ts";

/** The page's own worker: everything that takes longer than a frame and is no classifier's business. */
export class Lab {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #next = 1;
  #ended: Error | undefined;
  onStep: ((step: TrainStep) => void) | undefined;
  onFailure: ((failure: TrainFailure) => void) | undefined;

  constructor() {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
      if ("step" in data) return this.onStep?.(data.step);
      if ("failure" in data) return this.onFailure?.(data.failure);
      const call = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ("error" in data) call?.reject(new Error(data.error));
      else call?.resolve(data.value);
    });
    this.#worker.addEventListener("error", (event) => {
      this.#ended = new Error(event.message || "The worker could not be started, or ended.");
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
      this.#waiting.clear();
    });
  }

  call<K extends Name>(call: K, ...args: Parameters<Calls[K]>): Promise<ReturnType<Calls[K]>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#next++;
    const request: Request = { id, call, args };
    this.#worker.postMessage(request);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  dispose(): void {
    this.#worker.terminate();
  }
}

let shared: Lab | undefined;

/** One for looking and teaching; training and measuring have their own, because they keep it busy. */
export function sharedLab(): Lab {
  shared ??= new Lab();
  return shared;
}
