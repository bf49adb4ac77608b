import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { f16Table, narrowBF16, narrowF16 } from "../../src/io/half.ts";
import { golden } from "./support.ts";

test("narrowing to f16 rounds to nearest even at every boundary between two f16 values", () => {
  const table = f16Table();
  const values = new Float32Array(table.buffer);
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (let half = 0; half < 0x7c00; half++) {
    assert.is(narrowF16(table[half]!), half);
    // Past the largest, the next would be 65536: from the middle on it is infinity.
    const next = half === 0x7bff ? 65536 : values[half + 1]!;
    float[0] = (values[half]! + next) / 2; // exact: one bit more than f16 has
    const middle = bits[0]!;
    assert.is(narrowF16(middle), half % 2 === 0 ? half : half + 1, `middle above ${values[half]}`);
    assert.is(narrowF16(middle - 1), half);
    assert.is(narrowF16(middle + 1), half + 1);
    assert.is(narrowF16((middle | 0x80000000) >>> 0), (half % 2 === 0 ? half : half + 1) | 0x8000);
  }
});

test("infinities and NaN", () => {
  for (const sign of [0, 0x8000]) {
    const top = sign << 16;
    assert.is(narrowF16((top | 0x7f800000) >>> 0), sign | 0x7c00);
    assert.is(narrowBF16((top | 0x7f800000) >>> 0), sign | 0x7f80);
    assert.is(narrowBF16((top | 0x7f7fffff) >>> 0), sign | 0x7f80);
    for (const nan of [0x7f800001, 0x7fc00000, 0x7fffffff]) {
      assert.ok((narrowF16((top | nan) >>> 0) & 0x7fff) > 0x7c00);
      assert.ok((narrowBF16((top | nan) >>> 0) & 0x7fff) > 0x7f80);
    }
  }
});

test("PyTorch narrows 512 numbers of all sizes to the same bits", async () => {
  const checkpoint = await loadCheckpoint(golden("narrow.pth"));
  const wide = new Uint32Array(checkpoint.get("f32")!.bytes().buffer);
  assert.equal(Uint16Array.from(wide, narrowF16), new Uint16Array(checkpoint.get("f16")!.bytes().buffer));
  assert.equal(Uint16Array.from(wide, narrowBF16), new Uint16Array(checkpoint.get("bf16")!.bytes().buffer));
});

test.run();
