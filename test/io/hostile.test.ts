import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { concat, cpuTime, failure, golden, goldenBytes, record, zipOf } from "./support.ts";

// Pickles written instruction by instruction: what they try must end in an error that names the file, soon, and
// without much memory.

type Piece = string | number[] | Uint8Array;

function bytes(...pieces: Piece[]): Uint8Array<ArrayBuffer> {
  return concat(
    pieces.map((piece) => {
      if (typeof piece === "string") return Uint8Array.from(piece, (c) => c.charCodeAt(0));
      return Uint8Array.from(piece);
    }),
  );
}

const PROTO = "\x80\x02";
const text = (s: string): string => `X${String.fromCharCode(s.length)}\0\0\0${s}`;
const int = (n: number): Piece =>
  n < 256 ? [0x4b, n] : n < 2 ** 31 ? concat([bytes("J"), record([n, 4])]) : long(BigInt(n));
const long = (n: bigint): Uint8Array => {
  const out: number[] = [];
  for (let rest = n, i = 0; i < 16; i++, rest >>= 8n) out.push(Number(rest & 255n));
  return bytes([0x8a, 16], out);
};
const storage = (type: string, key: string, length: number) =>
  bytes("(", text("storage"), `ctorch\n${type}\n`, text(key), text("cpu"), int(length), "tQ");
const tuple = (...items: (number | bigint)[]) =>
  bytes("(", ...items.map((i) => (typeof i === "bigint" ? long(i) : int(i))), "t");

/** `{"w": tensor}` with whatever offset, shape and strides. */
const tensor = (store: Uint8Array, start: Piece, shape: Uint8Array, strides: Uint8Array) =>
  bytes(PROTO, "}", text("w"), "ctorch._utils\n_rebuild_tensor_v2\n(", store, start, shape, strides, "\x89N", "tRs.");

const asZip = (pickle: Uint8Array, storageBytes = 16) =>
  zipOf({ "a/data.pkl": pickle, "a/data/0": new Uint8Array(storageBytes) });

const refusedTensors: [string, Uint8Array, RegExp][] = [
  [
    "2^40 elements",
    tensor(storage("FloatStorage", "0", 4), int(0), tuple(2 ** 20, 2 ** 20), tuple(2 ** 20, 1)),
    /reaches outside its storage of 4/,
  ],
  [
    "2^40 elements of stride 0",
    tensor(storage("FloatStorage", "0", 4), int(0), tuple(2 ** 20, 2 ** 20), tuple(0, 0)),
    /far larger than its storage/,
  ],
  [
    "2^80 elements",
    tensor(storage("FloatStorage", "0", 4), int(0), tuple(2 ** 40, 2 ** 40), tuple(0, 0)),
    /not one that memory can hold/,
  ],
  ["an offset outside", tensor(storage("FloatStorage", "0", 4), int(3), tuple(2), tuple(1)), /reaches outside/],
  ["a negative offset", tensor(storage("FloatStorage", "0", 4), long(-1n), tuple(1), tuple(1)), /whole numbers from 0/],
  ["a negative stride", tensor(storage("FloatStorage", "0", 4), int(3), tuple(2), tuple(-1n)), /whole numbers from 0/],
  [
    "a stride that overflows",
    tensor(storage("FloatStorage", "0", 4), int(0), tuple(2), tuple(2n ** 63n)),
    /whole numbers from 0/,
  ],
  [
    "a stride near 2^53",
    tensor(storage("FloatStorage", "0", 4), int(0), tuple(3), tuple(2n ** 53n - 1n)),
    /reaches outside/,
  ],
  ["too few strides", tensor(storage("FloatStorage", "0", 4), int(0), tuple(2, 2), tuple(1)), /strides do not fit/],
  [
    "a storage longer than its bytes",
    tensor(storage("FloatStorage", "0", 5), int(0), tuple(1), tuple(1)),
    /has 16 bytes, too few for 5/,
  ],
  ["a storage of 2^50", tensor(storage("FloatStorage", "0", 2 ** 50), int(0), tuple(1), tuple(1)), /too few for/],
  [
    "a storage that is not there",
    tensor(storage("FloatStorage", "9", 1), int(0), tuple(1), tuple(1)),
    /"9" is missing/,
  ],
  [
    "a storage whose name climbs",
    tensor(storage("FloatStorage", "../../etc/passwd", 1), int(0), tuple(1), tuple(1)),
    /is missing/,
  ],
  [
    "a storage of complex numbers",
    tensor(storage("ComplexFloatStorage", "0", 1), int(0), tuple(1), tuple(1)),
    /: holds a complex tensor, which is not supported/,
  ],
  ["a storage that is a number", tensor(bytes(int(5)), int(0), tuple(1), tuple(1)), /has no storage/],
  [
    "65 dimensions",
    tensor(storage("FloatStorage", "0", 4), int(0), tuple(...new Array(65).fill(1)), tuple(...new Array(65).fill(1))),
    /whole numbers/,
  ],
];

for (const [name, pickle, message] of refusedTensors) {
  test(`a tensor with ${name}`, async () => {
    assert.match((await failure(loadCheckpoint(asZip(pickle)))).message, message);
  });
}

test("a tensor beside dictionaries of other names is not taken for the state dict", async () => {
  const one = [storage("FloatStorage", "0", 4), int(0), tuple(1), tuple(1), "\x89N"];
  const weight = bytes("ctorch._utils\n_rebuild_tensor_v2\n(", ...one, "tR");
  const inner = bytes("}(", text("a"), weight, text("b"), weight, "u");
  const file = asZip(bytes(PROTO, "}(", text("rng"), weight, text("ema"), inner, "u."));
  assert.match((await failure(loadCheckpoint(file))).message, /its keys: "rng", "ema"\); the option `key` names/);
  const chosen = await loadCheckpoint(file, { key: "ema" });
  assert.equal([[...chosen.keys()], [...chosen.extra.keys()]], [["a", "b"], ["rng"]]);
});

test("an empty tensor and one of expanded elements are fine", async () => {
  const empty = await loadCheckpoint(asZip(tensor(storage("FloatStorage", "0", 4), int(0), tuple(0, 5), tuple(5, 1))));
  assert.is(empty.get("w")!.read().length, 0);
  const wide = await loadCheckpoint(
    asZip(tensor(storage("FloatStorage", "0", 4), int(1), tuple(1000, 2), tuple(0, 1))),
  );
  assert.is(wide.get("w")!.read().length, 2000);
});

const refusedPickles: [string, Uint8Array, RegExp][] = [
  ["an empty pickle", bytes(""), /ends early/],
  ["no STOP", bytes(PROTO, "}"), /ends early/],
  ["STOP at once", bytes("."), /stack is empty/],
  ["protocol 9", bytes("\x80\x09}."), /protocol 9/],
  ["an unknown instruction", bytes(PROTO, "\xff."), /0xff is not known/],
  ["the text instruction INST", bytes(PROTO, "(S'x'\nios\nsystem\n."), /not known/],
  ["an extension code", bytes(PROTO, "\x82\x01."), /0x82 is not known/],
  ["a memo entry that is not there", bytes(PROTO, "h\x05."), /nothing is stored under 5/],
  ["a tuple without a mark", bytes(PROTO, "K\x01t."), /there is no mark/],
  ["a call of a number", bytes(PROTO, "K\x01)R."), /no function/],
  ["arguments that are no tuple", bytes(PROTO, "ccollections\nOrderedDict\nK\x01R."), /no tuple/],
  ["items set on a number", bytes(PROTO, "K\x01K\x02K\x03s."), /no dictionary/],
  ["an odd number of items", bytes(PROTO, "}(K\x01u."), /no dictionary/],
  ["items appended to a number", bytes(PROTO, "K\x01K\x02a."), /no list/],
  ["a state for a number", bytes(PROTO, "K\x01}b."), /has none/],
  ["a string of 2 GiB", bytes(PROTO, "X\xff\xff\xff\x7f."), /2147483647 bytes/],
  ["bytes of 2^63", bytes("\x80\x05\x8e\0\0\0\0\0\0\0\x80."), /9223372036854776000 bytes/],
  ["an integer of 2 GiB", bytes(PROTO, "\x8b\xff\xff\xff\x7f."), /integer of 2147483647 bytes/],
  ["a string that is no UTF-8", bytes(PROTO, "X\x01\0\0\0\xff."), /not UTF-8/],
  ["a persistent id that is no storage", bytes(PROTO, "K\x01Q."), /no storage/],
  ["a global without an end", bytes(PROTO, `c${"x".repeat(5000)}`), /line is too long/],
  ["getattr", bytes(PROTO, "c__builtin__\ngetattr\n."), /refused.*"__builtin__\.getattr"/],
  ["the prototype's constructor", bytes(PROTO, "cbuiltins\nconstructor\n."), /refused.*"builtins\.constructor"/],
  ["__proto__", bytes(PROTO, "ctorch\n__proto__\n."), /refused.*"torch\.__proto__"/],
  [
    "a quantised tensor",
    bytes(PROTO, "ctorch._utils\n_rebuild_qtensor\n."),
    /: holds a quantised tensor, which is not/,
  ],
  [
    "a sparse tensor",
    bytes(PROTO, "ctorch._utils\n_rebuild_sparse_tensor\n."),
    /: holds a sparse tensor, which is not/,
  ],
  [
    "a meta tensor",
    bytes(PROTO, "ctorch._utils\n_rebuild_meta_tensor_no_storage\n."),
    /: holds a meta tensor, which is/,
  ],
  ["torch.load itself", bytes(PROTO, "ctorch\nload\n."), /refused.*"torch\.load"/],
  ["a list", bytes(PROTO, "]."), /does not hold a dictionary/],
  ["an empty dictionary", bytes(PROTO, "}."), /holds no tensors/],
];

for (const [name, pickle, message] of refusedPickles) {
  test(`a pickle with ${name}`, async () => {
    assert.match((await failure(loadCheckpoint(asZip(pickle)))).message, message);
  });
}

const many = (piece: string, count: number) => piece.repeat(count);

const bombs: [string, Uint8Array, RegExp][] = [
  ["a dictionary in itself, a million times", bytes(PROTO, "}q\0", many("h\0h\0h\0s", 300_000), "."), /./],
  [
    "lists of lists, doubling 50 times",
    bytes(PROTO, "]", many("q\0](h\0h\0e", 50), "q\x01}", text("state_dict"), "h\x01s."),
    /holds no tensors/,
  ],
  ["three million dictionaries", bytes(PROTO, many("}", 3_000_000), "."), /more than 500000 objects/],
  ["three million marks", bytes(PROTO, many("(", 3_000_000), "."), /more than 500000 objects/],
  ["three million constants", bytes(PROTO, many("N", 3_000_000), "."), /more than 2000000 instructions/],
  [
    "copies of copies of a list of pairs",
    bytes(
      PROTO,
      "]q\0(",
      many("K\x01K\x02\x86", 20_000),
      "eccollections\nOrderedDict\nq\x01h\0\x85q\x020",
      many("h\x01h\x02R0", 100_000),
      "}.",
    ),
    /copies more than 1000000/,
  ],
  [
    "copies of a long string",
    bytes(
      PROTO,
      "c_codecs\nencode\nq\0X\0\0\x0f\0",
      many("x", 0x0f0000),
      "\x85q\x010",
      many("h\0h\x01R0", 100_000),
      "}.",
    ),
    /copies more than 1000000/,
  ],
];

for (const [name, pickle, message] of bombs) {
  test(`a bomb: ${name}`, async () => {
    const start = cpuTime();
    assert.match((await failure(loadCheckpoint(asZip(pickle)))).message, message);
    const elapsed = cpuTime() - start;
    assert.ok(elapsed < 5000, `took ${elapsed} ms`);
  });
}

test("a zip bomb: too much announced, and more than announced", async () => {
  const bomb = goldenBytes("mixed-deflated.pth");
  const view = new DataView(bomb.buffer);
  const sizes: number[] = [];
  for (let at = 0; at + 46 < bomb.length; at++) if (view.getUint32(at, true) === 0x02014b50) sizes.push(at + 24);
  assert.ok(sizes.length > 5);
  const announced = bomb.slice();
  new DataView(announced.buffer).setUint32(sizes[0]!, 2 ** 31, true);
  assert.match((await failure(loadCheckpoint(announced))).message, /unpacks to .*zip bomb/);
  const lying = bomb.slice();
  new DataView(lying.buffer).setUint32(sizes[0]!, 10, true);
  assert.match((await failure(loadCheckpoint(lying))).message, /more than the announced 10 bytes/);
  const short = bomb.slice();
  new DataView(short.buffer).setUint32(sizes[0]!, 60_000, true);
  assert.match((await failure(loadCheckpoint(short))).message, /60000 were announced/);
});

test("zip: members that overlap, are encrypted, or are there twice", async () => {
  const zip = (change: (view: DataView, central: number) => void) => {
    const file = zipOf({ "a/data.pkl": bytes(PROTO, "}."), "a/data/0": new Uint8Array(4) });
    const view = new DataView(file.buffer);
    let central = 0;
    while (view.getUint32(central, true) !== 0x02014b50) central++;
    change(view, central);
    return file;
  };
  const second = 46 + "a/data.pkl".length;
  const of = async (change: (view: DataView, central: number) => void) =>
    (await failure(loadCheckpoint(zip(change)))).message;
  assert.match(await of((v, c) => v.setUint32(c + second + 42, 0, true)), /overlap/);
  assert.match(await of((v, c) => v.setUint16(c + 8, 1, true)), /encrypted/);
  assert.match(await of((v, c) => v.setUint32(c + 20, 7, true)), /two sizes/);
  assert.match(await of((v, c) => v.setUint32(c + 42, 0x7fffffff, true)), /beyond the end/);
  assert.match(await of((v, c) => v.setUint32(c + 42, 3, true)), /not where the directory says/);
  assert.match(await of((v, c) => v.setUint32(c + 42, 0xffffffff, true)), /zip64/);
});

test("legacy: counts that lie", async () => {
  const good = goldenBytes("nested-legacy.pth");
  // The first storage's count is the first u64 behind the last pickle, which ends with "e." or "u.".
  const needle = [0x65, 0x2e];
  let end = good.length - 1;
  while (!(good[end - 1] === needle[0] && good[end] === needle[1] && good[end + 3] === 0)) end--;
  const lying = good.slice();
  new DataView(lying.buffer).setUint32(end + 1 + 4, 0x7fffffff, true);
  assert.match((await failure(loadCheckpoint(lying))).message, /its tensors expect/);
  const cut = good.slice(0, good.length - 3);
  assert.match((await failure(loadCheckpoint(cut))).message, /truncated/);
});

test("an aborted load rejects with the reason", async () => {
  const reason = new Error("enough");
  const caught = await loadCheckpoint(golden("mixed.pth"), { signal: AbortSignal.abort(reason) }).catch((e) => e);
  assert.is(caught, reason);
});

test("sets and byte arrays by name are those of the instructions", async () => {
  const list = (...items: number[]) => bytes("](", ...items.map(int), "e");
  const call = (name: string, argument: Uint8Array) => bytes(`c__builtin__\n${name}\n`, argument, "\x85R");
  const pickle = bytes(
    PROTO,
    "}(",
    text("w"),
    tensor(storage("FloatStorage", "0", 4), int(0), tuple(1), tuple(1)).subarray(PROTO.length + 1 + 6, -2),
    ...[text("f"), call("frozenset", list(1, 2)), text("s"), call("set", list(3))],
    ...[text("b"), call("bytearray", bytes("c_codecs\nencode\n", text("ab"), text("latin1"), "\x86R"))],
    "u.",
  );
  const { extra } = await loadCheckpoint(asZip(pickle));
  assert.equal(extra.get("f"), new Set([1, 2]));
  assert.equal(extra.get("s"), new Set([3]));
  assert.equal(extra.get("b"), Uint8Array.of(97, 98));
});

test.run();
