import { serve } from "../serve.ts";

/** The part of a dedicated worker's global scope that is used; TypeScript's DOM library describes pages only. */
interface Scope {
  postMessage(message: unknown, transfer: readonly Transferable[]): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

const scope = globalThis as unknown as Scope;
serve({
  post: (message, transfer = []) => scope.postMessage(message, transfer),
  listen(receive) {
    scope.onmessage = (event) => receive(event.data);
  },
});
