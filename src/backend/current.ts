import { currentMemory, setMemory } from "../tensor/memory.ts";
import type { Backend } from "./backend.ts";

/** The backend that runs ops now. @throws ResNetError before `init` */
export function currentBackend(): Backend {
  return currentMemory() as Backend;
}

/** Runs `body` with another backend in place (graph capture). */
export function withBackend<T>(backend: Backend, body: () => T): T {
  const previous = setMemory(backend);
  try {
    return body();
  } finally {
    setMemory(previous);
  }
}
