/** A worker of this platform: a thread that runs a script of the folder beside. */
export interface Spawned {
  post(message: unknown, transfer?: readonly Transferable[]): void;
  /** `receive` gets each message, `fail` the error that ended the worker (or kept it from starting). */
  listen(receive: (message: unknown) => void, fail: (error: Error) => void): void;
  /** Lets the process end while the worker waits for work (where that is a question). */
  idle?(): void;
  /** Keeps the process alive: somebody waits for an answer. */
  busy?(): void;
  terminate(): void;
}

/** What a worker's script has to talk to its owner. */
export interface Owner {
  post(message: unknown, transfer?: readonly Transferable[]): void;
  listen(receive: (message: unknown) => void): void;
}
