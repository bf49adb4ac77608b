import * as assert from "uvu/assert";

/** `body` has to fail, at once or later, with a message that fits. */
export async function fails(body: () => unknown, pattern: RegExp): Promise<void> {
  try {
    await body();
  } catch (error) {
    assert.match(error instanceof Error ? error.message : String(error), pattern);
    return;
  }
  assert.unreachable(`should have failed with ${pattern}`);
}
