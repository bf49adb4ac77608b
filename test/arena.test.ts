import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Block, planArena } from "../src/backend/arena.ts";

const block = fc
  .record({
    bytes: fc.integer({ min: 0, max: 5000 }),
    from: fc.integer({ min: 0, max: 20 }),
    length: fc.integer({ min: 0, max: 8 }),
  })
  .map(({ bytes, from, length }): Block => ({ bytes, from, to: from + length }));

test("blocks that live at the same time never overlap, and the arena holds all", () => {
  fc.assert(
    fc.property(fc.array(block, { maxLength: 40 }), (blocks) => {
      const { offsets, bytes } = planArena(blocks);
      blocks.forEach((a, i) => {
        assert.ok(offsets[i]! % 64 === 0 && offsets[i]! + a.bytes <= bytes);
        blocks.forEach((b, j) => {
          if (i >= j || a.to < b.from || b.to < a.from || a.bytes === 0 || b.bytes === 0) return;
          const apart = offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!;
          assert.ok(apart, `${i} and ${j} overlap`);
        });
      });
    }),
    { numRuns: 300, seed: 7 },
  );
});

test("a chain needs no more than its two largest neighbours", () => {
  const sizes = [640, 6400, 3200, 6400];
  const blocks = sizes.map((bytes, i) => ({ bytes, from: i, to: i + 1 }));
  assert.is(planArena(blocks).bytes, 9600);
});

test.run();
