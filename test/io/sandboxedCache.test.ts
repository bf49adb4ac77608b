/** Pages of no origin (sandboxed frames, data: addresses): `caches` throws when it is looked at, and locks are refused. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cacheStore } from "../../src/platform/browserCache.ts";

const test = suite("the cache where there is none");

test("downloads live in memory", async () => {
  const before = new Map(
    ["caches", "navigator"].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]),
  );
  const refuse = () => Promise.reject(new DOMException("it has no origin", "SecurityError"));
  Object.defineProperty(globalThis, "caches", {
    configurable: true,
    get() {
      throw new DOMException("it has no origin", "SecurityError");
    },
  });
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { locks: { request: refuse } } });
  try {
    const store = cacheStore();
    assert.is(store.place, "memory");
    assert.is(await store.find("key"), undefined);
    const part = await store.claim("key");
    await part.append(Uint8Array.of(1, 2, 3));
    assert.equal((await part.commit()).size, 3);
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
  }
});

test.run();
