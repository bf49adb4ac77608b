import { ArgumentError, DisposedError } from "../../errors.ts";
import type { LoadProgress } from "../../openClassifier.ts";
import { fromFault } from "../faults.ts";
import type { Spawned } from "../spawn.ts";
import { DroppedError, WorkerError } from "./errors.ts";
import type { Answers, FromWorker, Kind, Requests } from "./messages.ts";

export interface CallOptions {
  /** Where it stands among all, see `place()`. */
  readonly place: number;
  readonly signal?: AbortSignal | undefined;
  readonly transfer?: readonly Transferable[];
  /** Called where the call is given up before it was sent: what was to be transferred is still here. */
  readonly giveUp?: (() => void) | undefined;
}

interface Call extends Omit<CallOptions, "place"> {
  readonly id: number;
  readonly kind: Kind;
  readonly request: unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
  readonly onAbort: () => void;
}

export interface LineOptions {
  readonly spawn: () => Spawned;
  /** The request that opens the classifier in a new worker. */
  readonly describe: () => Promise<{ request: Requests["open"]; transfer: readonly Transferable[] }>;
  readonly latestOnly: boolean;
  readonly onProgress: (progress: LoadProgress) => void;
}

/**
 * Calls stand in line before one worker, which works on one at a time: so that one which nobody wants any more is never begun.
 * When the worker ends, all of them are told so, and the next call starts another.
 */
export class Line {
  readonly #options: LineOptions;
  #worker: Spawned | undefined;
  #opening: Promise<Answers["open"]> | undefined;
  #waiting: Call[] = [];
  /** What the worker was asked and has not answered: one call, or the opening. */
  readonly #asked = new Map<number, Call>();
  #busy = false;
  #disposed = false;
  /** Why the last worker is no more. */
  #ended: unknown;
  #ids = 0;
  /** The place of the newest call that came. */
  #newest = 0;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  /** Starts the worker and opens the classifier in it, unless that was done. */
  open(signal?: AbortSignal): Promise<Answers["open"]> {
    this.#opening ??= this.#start(signal);
    return this.#opening;
  }

  /** A place in line, taken before the picture is made ready: one that takes longer must not push out those that came after it. */
  place(): number {
    return ++this.#ids;
  }

  call<K extends Kind>(kind: K, request: Requests[K], options: CallOptions): Promise<Answers[K]> {
    const { place, signal } = options;
    const { latestOnly } = this.#options;
    const refused = (reason: unknown) => {
      options.giveUp?.();
      return Promise.reject(reason);
    };
    if (this.#disposed) return refused(new DisposedError("classifier"));
    if (signal?.aborted) return refused(signal.reason);
    if (latestOnly && place < this.#newest) return refused(new DroppedError());
    this.#newest = place;
    if (latestOnly) for (const call of this.#waiting.splice(0)) settle(call, new DroppedError());
    return new Promise((resolve, reject) => {
      this.#waiting.push(this.#newCall(kind, request, options, resolve, reject));
      void this.#next();
    });
  }

  /** Ends the worker; whoever waits is told so. */
  dispose(): void {
    this.#disposed = true;
    this.#end(new DisposedError("classifier"));
  }

  #newCall<K extends Kind>(
    kind: K,
    request: Requests[K],
    options: Omit<CallOptions, "place">,
    resolve: (value: Answers[K]) => void,
    reject: (reason: unknown) => void,
  ): Call {
    const id = ++this.#ids;
    const { signal } = options;
    const onAbort = () => {
      const at = this.#waiting.indexOf(call);
      if (at >= 0) {
        this.#waiting.splice(at, 1);
        options.giveUp?.();
      } else this.#worker?.post({ kind: "abort", id });
      reject(signal?.reason);
    };
    const call: Call = { ...options, id, kind, request, resolve, reject, onAbort };
    signal?.addEventListener("abort", onAbort, { once: true });
    return call;
  }

  async #next(): Promise<void> {
    if (this.#busy || this.#waiting.length === 0) return;
    this.#busy = true;
    try {
      await this.open();
    } catch {
      return; // everybody who waited was told
    }
    const call = this.#waiting.shift();
    if (call === undefined) this.#busy = false;
    else this.#send(call);
  }

  #send(call: Call): void {
    const { id, kind, request, transfer = [] } = call;
    this.#asked.set(id, call);
    this.#worker?.busy?.();
    try {
      this.#worker?.post({ id, kind, request }, transfer);
    } catch (cause) {
      this.#asked.delete(id);
      const message = `classifier: this cannot be sent to its worker (${(cause as Error).message}); was it handed over before (transfer: true)?`;
      settle(call, new ArgumentError(message, { cause }));
      this.#rest();
    }
  }

  /** Nothing is asked of the worker now. */
  #rest(): void {
    this.#busy = false;
    this.#worker?.idle?.();
    void this.#next();
  }

  async #start(signal?: AbortSignal): Promise<Answers["open"]> {
    let worker: Spawned | undefined;
    try {
      // The script is on its way while weights and binary are gathered.
      worker = this.#spawn();
      const { request, transfer } = await this.#options.describe();
      if (this.#disposed) throw new DisposedError("classifier");
      if (this.#worker !== worker) throw this.#ended;
      signal?.throwIfAborted(); // aborted meanwhile, or before: no event will say so any more
      const answer = await new Promise<Answers["open"]>((resolve, reject) => {
        const call = this.#newCall("open", request, { signal }, resolve, reject);
        this.#asked.set(call.id, call);
        worker?.busy?.();
        worker?.post({ id: call.id, kind: "open", request }, transfer);
      });
      worker.idle?.();
      return answer;
    } catch (error) {
      if (this.#worker === worker) this.#end(error); // else it has ended already, and the next one may be at work
      throw error;
    }
  }

  #spawn(): Spawned {
    let worker: Spawned;
    try {
      worker = this.#options.spawn();
    } catch (cause) {
      throw new WorkerError(`classifier: its worker could not be started: ${(cause as Error).message}`, cause);
    }
    this.#worker = worker;
    let answered = false;
    worker.listen(
      (message) => {
        answered = true;
        this.#receive(message as FromWorker);
      },
      (cause) => {
        if (this.#worker !== worker) return;
        const what = answered
          ? `its worker ended (${cause.message}); the next call starts a new one`
          : `its worker could not be started: ${cause.message}`;
        this.#end(new WorkerError(`classifier: ${what}`, cause));
      },
    );
    return worker;
  }

  #receive(message: FromWorker): void {
    if ("progress" in message) {
      try {
        this.#options.onProgress(message.progress);
      } catch (error) {
        this.#end(error); // the caller's own: whoever opens is told, not the process
      }
      return;
    }
    const call = this.#asked.get(message.id);
    if (call === undefined) return;
    this.#asked.delete(message.id);
    call.signal?.removeEventListener("abort", call.onAbort);
    if ("fault" in message) {
      const error: Error & { code?: string } = fromFault(message.fault);
      if (call.kind !== "open" && error.code === "ERR_WORKER") {
        // Its team of threads broke off: nothing can be done with it any more.
        const reason = new WorkerError(`classifier: ${error.message}`, error);
        call.reject(reason);
        this.#end(reason);
      } else call.reject(error);
    } else call.resolve(message.value as never);
    if (call.kind !== "open") this.#rest();
  }

  #end(error: unknown): void {
    this.#ended = error;
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#opening = undefined;
    this.#busy = false;
    const calls = [...this.#asked.values(), ...this.#waiting];
    this.#asked.clear();
    this.#waiting = [];
    for (const call of calls) settle(call, error);
  }
}

/** Tells a call that it will not be answered. */
function settle(call: Call, error: unknown): void {
  call.signal?.removeEventListener("abort", call.onAbort);
  call.giveUp?.();
  call.reject(error);
}
