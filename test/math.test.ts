import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cos, exp, expm1, log, log1p, pow, sin, tanh } from "../src/tensor/math.ts";
import { sha256 } from "./support/hash.ts";
import { repoRoot } from "./support/shared.ts";

const view = new DataView(new ArrayBuffer(8));

/** Doubles in order as integers, so that a difference counts representable numbers. */
function ordinal(x: number): bigint {
  view.setFloat64(0, x);
  const i = view.getBigInt64(0);
  return i < 0n ? -(i & 0x7fffffffffffffffn) : i;
}

function ulps(a: number, b: number): number {
  if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.POSITIVE_INFINITY;
  const d = ordinal(a) - ordinal(b);
  return Number(d < 0n ? -d : d);
}

function fromHex(hex: string): number {
  view.setBigUint64(0, BigInt(`0x${hex}`));
  return view.getFloat64(0);
}

const math = { exp, expm1, log, log1p, sin, cos, tanh, pow };
type Name = keyof typeof math;
type Row = readonly [string, string] | readonly [string, string, string];
const golden: Record<Name, Row[]> = JSON.parse(readFileSync(join(repoRoot, "test/golden/math.json"), "utf8"));
const unary = ["exp", "expm1", "log", "log1p", "sin", "cos", "tanh"] as const;

// fdlibm's bounds are below 1 unit (tanh: 2), so the rounded results differ by at most that.
const bound = (name: Name): number => (name === "tanh" ? 2 : 1);

for (const name of [...unary, "pow"] as const) {
  test(`${name}: correctly rounded results of a 1300-bit reference, to ${bound(name)} unit in the last place`, () => {
    assert.ok(golden[name].length >= 100);
    for (const row of golden[name]) {
      const values = row.map(fromHex);
      const [x, y] = values as [number, number];
      const got = name === "pow" ? math.pow(x, y) : math[name](x);
      const want = values.at(-1)!;
      assert.ok(ulps(got, want) <= bound(name), `${name}(${x}${name === "pow" ? `, ${y}` : ""}) = ${got}, not ${want}`);
    }
  });
}

/** Every exponent times 61 fractions times both signs, built from bits: no engine's arithmetic decides the arguments. */
function* everyExponent(): Generator<number> {
  for (let exponent = 0; exponent < 2047; exponent++) {
    for (let i = 0; i < 61; i++) {
      view.setUint32(0, (exponent << 20) | (i * 17190));
      view.setUint32(4, Math.imul(i, 0x9e3779b1));
      const x = view.getFloat64(0);
      yield x;
      yield -x;
    }
  }
}

/** Bases from 2^-40 to 2^40, exponents from -25 to 25. */
function* powers(): Generator<[number, number]> {
  for (let x = 9.094947017729282e-13; x < 1e12; x *= 1.37) for (let y = -25.7; y < 25; y += 0.31) yield [x, y];
}

/** sin and cos are for angles of random numbers and schedules, and NaN from here on. */
const tooLarge = (name: Name, x: number): boolean => (name === "sin" || name === "cos") && Math.abs(x) >= 1647099;

test("over all exponents the engine's own Math agrees to 2 units in the last place", () => {
  for (const name of unary) {
    let worst = 0;
    let at = 0;
    for (const x of everyExponent()) {
      const u = ulps(math[name](x), tooLarge(name, x) ? Number.NaN : Math[name](x));
      if (u > worst) {
        worst = u;
        at = x;
      }
    }
    assert.ok(worst <= 2, `${name}(${at}) = ${math[name](at)}; Math has ${Math[name](at)}, ${worst} units away`);
  }
  let worst = 0;
  for (const [x, y] of powers()) worst = Math.max(worst, ulps(math.pow(x, y), x ** y));
  assert.ok(worst <= 2, `pow differs by ${worst} units`);
});

test("special values are those of ECMAScript", () => {
  const specials = [0, -0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1e308, -1e308, 5e-324, -5e-324];
  specials.push(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 709.782712893384, -745.1332191019411);
  specials.push(2 ** 53, -(2 ** 53), 2 ** 53 - 1, 1 - Number.EPSILON / 2, 1 + Number.EPSILON, 710, -746);
  for (const x of specials) {
    for (const name of unary) {
      const want = tooLarge(name, x) ? Number.NaN : Math[name](x);
      assert.ok(ulps(math[name](x), want) <= 2, `${name}(${x}) = ${math[name](x)}`);
    }
    for (const y of specials) {
      assert.ok(ulps(math.pow(x, y), x ** y) <= 2, `pow(${x}, ${y}) = ${math.pow(x, y)}, not ${x ** y}`);
    }
  }
  assert.is(math.exp(0), 1);
  assert.is(math.log(1), 0);
  assert.is(math.pow(2, 10), 1024);
  assert.is(math.pow(-3, 3), -27);
});

test("every engine gives these bits", async () => {
  const hashes: Record<string, string> = {};
  for (const name of unary) hashes[name] = await sha256(Float64Array.from(everyExponent(), (x) => math[name](x)));
  hashes.pow = await sha256(Float64Array.from(powers(), ([x, y]) => math.pow(x, y)));
  assert.equal(hashes, {
    exp: "e3159ef8c79952bc58b09d1ba055a4945f0761444131935bc7465e3cf2eeaecb",
    expm1: "6dca511187179f38b85b966cd3a015a7d12233864ba16305e436dd96dbfc413d",
    log: "a5d56fa92ac87b8ddaca26f996b34d5c49ba769c2f23703a49a7b7abe0e9d468",
    log1p: "a79f5db317d8247e568f2a6209239962c78ff2868f803e62a49c887f4822bfe9",
    sin: "d6d78e7cf5897d4d89ed72aa09a61e6abedb6f0aed61e31b6d716ce1c638eb44",
    cos: "5b5ffb1d49e1ef9b9c7720aab3c478611613b7b88c87bbca7d09c5dbe27fafe6",
    tanh: "c12111b1560f0deec2b83bb67692fdf793dcb44ba210c7462382cd01bc58a3ad",
    pow: "15124e20317faf8af38f95a1c4cea9a19729f74313c65d080bacb2f748acc02a",
  });
});

test.run();
