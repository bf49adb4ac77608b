/** Anything that can be given back once. */
interface Disposable {
  dispose(): void;
}

let scope: Set<Disposable> | undefined;

/** Enters a tensor in the innermost `tidy`, if there is one. */
export function track(tensor: Disposable): void {
  scope?.add(tensor);
}

/** Takes a tensor out of every `tidy` it would be disposed by: it lives until its own `dispose()`. */
export function untrack(tensor: Disposable): void {
  scope?.delete(tensor);
}

/**
 * Runs `body` and disposes every tensor made inside it, except those it returns (a tensor, or an array or plain object of
 * them), which pass to the enclosing `tidy`. Also when `body` throws. `body` must be synchronous.
 */
export function tidy<T>(body: () => T): T {
  const outer = scope;
  const inner = new Set<Disposable>();
  scope = inner;
  let kept: Set<unknown> | undefined;
  try {
    const result = body();
    if (result instanceof Promise) {
      throw new TypeError("tidy: the function must be synchronous; dispose tensors of asynchronous code by `using`");
    }
    kept = new Set();
    collect(result, kept);
    return result;
  } finally {
    scope = outer;
    for (const t of inner) {
      if (kept?.has(t)) outer?.add(t);
      else t.dispose();
    }
  }
}

function collect(value: unknown, into: Set<unknown>): void {
  if (typeof value !== "object" || value === null || into.has(value)) return;
  into.add(value);
  if (Array.isArray(value)) for (const v of value) collect(v, into);
  else if (value instanceof Map) for (const v of value.values()) collect(v, into);
  else if (Object.getPrototypeOf(value) === Object.prototype) for (const v of Object.values(value)) collect(v, into);
}
