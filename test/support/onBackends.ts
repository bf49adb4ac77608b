import { test } from "uvu";
import * as assert from "uvu/assert";
import { setMemory } from "../../src/tensor/memory.ts";
import { type TestBackend, testBackends } from "./backends.ts";

/** Backends of the tests of tensors; whoever imports them disposes them at the end. */
export const backends = await testBackends();

export const counting = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i + 1);

/** The message of the error of this kind that `body` throws. */
export function messageOf(body: () => unknown, kind: new (...args: never[]) => Error): string {
  try {
    body();
  } catch (error) {
    assert.instance(error, kind);
    return (error as Error).message;
  }
  assert.unreachable(`expected ${kind.name}`);
  return "";
}

/** The same expectations of every backend's memory. */
export function on(b: TestBackend, name: string, body: () => void | Promise<void>): void {
  test(`${b.label}: ${name}`, async () => {
    setMemory(b.backend);
    const before = b.backend.info().memory;
    await body();
    const after = b.backend.info().memory;
    assert.is(after.used, before.used, "bytes in use are back to where they were");
    assert.is(after.blocks, before.blocks, "blocks are back to where they were");
  });
}
