import type { Owner } from "../spawn.ts";

// A worker that the browser ends (no memory, a crash, `close()`) says nothing to its page. But the locks that it held are given
// to whoever waits for them: the worker holds one as long as it lives, and its page asks for the same one.

interface Life {
  readonly life: string;
}

export function isLife(message: unknown): message is Life {
  return typeof (message as Partial<Life> | null)?.life === "string";
}

/** Runs in the worker. Without locks (pages that are not secure) nothing is shown. */
export function showLife({ post }: Owner): void {
  const life = `resnet-ts ${Math.random()} ${performance.timeOrigin + performance.now()}`;
  globalThis.navigator?.locks
    ?.request(life, () => {
      post({ life } satisfies Life);
      return new Promise(() => {}); // held until the end
    })
    .catch(() => {}); // refused, where cookies are blocked: nothing is shown either
}

/** Runs in the page: calls `ended` when the worker is no more. @returns what stops looking */
export function watchLife({ life }: Life, ended: () => void): () => void {
  const stop = new AbortController();
  navigator.locks.request(life, { signal: stop.signal }, ended).catch(() => {});
  return () => stop.abort();
}
