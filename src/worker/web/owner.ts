import type { Owner } from "../spawn.ts";

/** The part of a dedicated worker's global scope that is used; TypeScript's DOM library describes pages only. */
interface Scope {
  postMessage(message: unknown, transfer: readonly Transferable[]): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** The page, or the worker, that started this one. */
export function owner(): Owner {
  const scope = globalThis as unknown as Scope;
  return {
    post: (message, transfer = []) => scope.postMessage(message, transfer),
    listen(receive) {
      scope.onmessage = (event) => receive(event.data);
    },
  };
}
