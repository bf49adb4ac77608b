import { ArgumentError } from "../../errors.ts";
import { Mt19937 } from "./mt19937.ts";
import { Source } from "./stream.ts";

/** Bytes of a generator's state. */
export const STATE_BYTES = 5056;

// Offsets in `CPUGeneratorImplState`: pytorch aten/src/ATen/CPUGeneratorImpl.cpp.
const LEFT = 8;
const SEEDED = 12;
const NEXT = 16;
const WORDS = 24;
const SPARE = 5024;
const HAS_SPARE = 5040;

/** The bytes that `torch.get_rng_state()` returns for a generator in the same state. */
export function encodeState(source: Source): Uint8Array {
  const { engine, spare } = source;
  const bytes = new Uint8Array(STATE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, engine.seed, true);
  view.setInt32(LEFT, engine.left, true);
  view.setInt32(SEEDED, 1, true);
  view.setUint32(NEXT, engine.next, true);
  engine.state.forEach((word, i) => {
    view.setUint32(WORDS + 8 * i, word, true);
  });
  if (spare !== undefined) {
    view.setFloat64(SPARE, spare, true);
    view.setInt32(HAS_SPARE, 1, true);
  }
  return bytes;
}

/** @throws ArgumentError when the bytes are no generator's state */
export function decodeState(bytes: Uint8Array): Source {
  if (!(bytes instanceof Uint8Array) || bytes.length !== STATE_BYTES) {
    const got = bytes instanceof Uint8Array ? `${bytes.length} bytes` : typeof bytes;
    throw new ArgumentError(`setRngState: expected the ${STATE_BYTES} bytes that getRngState gives, got ${got}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const left = view.getInt32(LEFT, true);
  const next = view.getUint32(NEXT, true);
  // Before the first draw torch has left 1 and next 0; after it, they sum to 625.
  const possible = left >= 1 && left <= 624 && next <= 624 && (left + next === 625 || (left === 1 && next === 0));
  if (!possible || view.getInt32(SEEDED, true) !== 1) {
    throw new ArgumentError(`setRngState: the bytes are no generator's state (left ${left}, next ${next})`);
  }
  const engine = new Mt19937(view.getBigUint64(0, true));
  for (let i = 0; i < engine.state.length; i++) engine.state[i] = view.getUint32(WORDS + 8 * i, true);
  engine.left = left;
  engine.next = next;
  return new Source(engine, view.getInt32(HAS_SPARE, true) === 0 ? undefined : view.getFloat64(SPARE, true));
}
