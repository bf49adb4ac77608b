import { FileFormatError } from "../errors.ts";
import type { ByteReader } from "./byteReader.ts";
import { quote } from "./quote.ts";

// Python's pickle is a program for a small stack machine that may call any function of any module. This machine knows
// the instructions, but the only functions are those that its host lists; nothing that a file names is ever looked up
// anywhere else. https://docs.python.org/3/library/pickletools.html

/** A Python class or function that a pickle names, and what a call of it gives here. */
export class PickleGlobal {
  /** E.g. `collections.OrderedDict`. */
  readonly name: string;
  readonly call: (args: readonly unknown[]) => unknown;

  constructor(name: string, call: (args: readonly unknown[]) => unknown) {
    this.name = name;
    this.call = call;
  }
}

/** An instance of a Python class that is let through as plain data. */
export class PickledObject {
  readonly type: string;
  readonly args: readonly unknown[];
  state: unknown = undefined;

  constructor(type: string, args: readonly unknown[]) {
    this.type = type;
    this.args = args;
  }
}

export interface PickleHost {
  /** The global of that name, or undefined to refuse it. */
  findGlobal(name: string): PickleGlobal | undefined;
  /** What kind of tensor a refused global is for, where it is known. */
  unsupported?(name: string): string | undefined;
  /** The object that a persistent id stands for. */
  load(id: unknown): unknown;
}

// A pickle has no jumps, so it ends; these bound what it can pile up meanwhile. ResNet-152 needs 40,000 instructions.
const MAX_INSTRUCTIONS = 2_000_000;
const MAX_OBJECTS = 500_000;
const MAX_BYTES = 64 << 20;
const MAX_INTEGER_BYTES = 1024;

/**
 * Runs the pickle at the reader's position, up to and including its STOP.
 * Lists and tuples become arrays, dictionaries Maps, sets Sets, integers numbers (bigints where they are large).
 */
export function unpickle(reader: ByteReader, host: PickleHost): unknown {
  const machine = new Machine(reader, host);
  const start = reader.position;
  for (let count = 0; ; count++) {
    if (count > MAX_INSTRUCTIONS) reader.fail(`the pickle has more than ${MAX_INSTRUCTIONS} instructions`);
    if (reader.position - start > MAX_BYTES) reader.fail(`the pickle is longer than ${MAX_BYTES} bytes`);
    const code = reader.byte();
    if (code === STOP) return machine.pop();
    const run = instructions[code];
    if (run === undefined) reader.fail(`not a valid pickle: instruction 0x${code.toString(16)} is not known`);
    run(machine, reader);
  }
}

const STOP = 0x2e;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Machine {
  readonly reader: ByteReader;
  readonly host: PickleHost;
  readonly memo = new Map<number, unknown>();
  stack: unknown[] = [];
  #below: unknown[][] = [];
  #objects = 0;

  constructor(reader: ByteReader, host: PickleHost) {
    this.reader = reader;
    this.host = host;
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  /** Pushes something that takes memory of its own. */
  make(value: unknown): void {
    if (++this.#objects > MAX_OBJECTS) this.reader.fail(`the pickle makes more than ${MAX_OBJECTS} objects`);
    this.stack.push(value);
  }

  pop(): unknown {
    if (this.stack.length === 0) this.reader.fail("not a valid pickle: the stack is empty");
    return this.stack.pop();
  }

  top(): unknown {
    if (this.stack.length === 0) this.reader.fail("not a valid pickle: the stack is empty");
    return this.stack[this.stack.length - 1];
  }

  mark(): void {
    this.make(undefined);
    this.stack.pop();
    this.#below.push(this.stack);
    this.stack = [];
  }

  /** What was pushed since the last mark. */
  popMark(): unknown[] {
    const items = this.stack;
    this.stack = this.#below.pop() ?? this.reader.fail("not a valid pickle: there is no mark");
    return items;
  }

  /** A length that a pickle gives, checked before anything of that length is made. */
  bytes(length: number): Uint8Array {
    if (length > MAX_BYTES) this.reader.fail(`the pickle holds ${length} bytes in one piece`);
    return this.reader.bytes(length);
  }

  text(length: number): void {
    const bytes = this.bytes(length);
    try {
      this.push(utf8.decode(bytes));
    } catch (cause) {
      this.reader.fail("not a valid pickle: a string is not UTF-8", cause);
    }
  }

  integer(length: number): void {
    if (length > MAX_INTEGER_BYTES) this.reader.fail(`the pickle holds an integer of ${length} bytes`);
    const bytes = this.reader.bytes(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    this.push(Number.isSafeInteger(number) ? number : value);
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== "string" || typeof name !== "string") {
      this.reader.fail("not a valid pickle: a global's name is not a string");
    }
    const full = `${module}.${name}`;
    const found = this.host.findGlobal(full);
    if (found === undefined) {
      const kind = this.host.unsupported?.(full);
      if (kind !== undefined) this.reader.fail(`holds a ${kind} tensor, which is not supported`);
      throw new FileFormatError(
        this.reader.source.name,
        `refused: its pickle wants to use the Python object ${quote(full)}, which no tensor needs; nothing was run. ` +
          "If you trust the file, load it in Python and save it anew with torch.save(model.state_dict(), ...)",
        { code: "ERR_UNSAFE_PICKLE" },
      );
    }
    this.push(found);
  }

  call(callee: unknown, args: unknown): void {
    if (!(callee instanceof PickleGlobal)) this.reader.fail("not a valid pickle: it calls what is no function");
    if (!Array.isArray(args)) this.reader.fail(`not a valid pickle: arguments of ${callee.name} are no tuple`);
    this.make(callee.call(args));
  }

  recall(index: number): void {
    if (!this.memo.has(index)) this.reader.fail(`not a valid pickle: nothing is stored under ${index}`);
    this.push(this.memo.get(index));
  }

  setItems(items: readonly unknown[]): void {
    const target = this.top();
    if (!(target instanceof Map) || items.length % 2 !== 0) {
      this.reader.fail("not a valid pickle: items are set on what is no dictionary");
    }
    for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1]);
  }

  append(items: readonly unknown[]): void {
    const target = this.top();
    if (!Array.isArray(target)) this.reader.fail("not a valid pickle: items are appended to what is no list");
    for (const item of items) target.push(item);
  }

  tuple(length: number): void {
    if (this.stack.length < length) this.reader.fail("not a valid pickle: the stack is empty");
    this.make(this.stack.splice(this.stack.length - length));
  }

  build(state: unknown): void {
    const target = this.top();
    if (target instanceof PickledObject) target.state = state;
    // A state dict carries `_metadata` (module versions) as an attribute, which nothing here needs.
    else if (!(target instanceof Map)) this.reader.fail("not a valid pickle: a state is given to what has none");
  }
}

type Instruction = (machine: Machine, reader: ByteReader) => void;

const instructions: Readonly<Record<number, Instruction>> = {
  /* ( MARK             */ 40: (m) => m.mark(),
  /* ) EMPTY_TUPLE      */ 41: (m) => m.make([]),
  /* 0 POP              */ 48: (m) => void m.pop(),
  /* 1 POP_MARK         */ 49: (m) => void m.popMark(),
  /* 2 DUP              */ 50: (m) => m.push(m.top()),
  /* B BINBYTES         */ 66: (m, r) => m.make(m.bytes(r.view(4).getUint32(0, true)).slice()),
  /* C SHORT_BINBYTES   */ 67: (m, r) => m.make(m.bytes(r.byte()).slice()),
  /* G BINFLOAT         */ 71: (m, r) => m.push(r.view(8).getFloat64(0)),
  /* J BININT           */ 74: (m, r) => m.push(r.view(4).getInt32(0, true)),
  /* K BININT1          */ 75: (m, r) => m.push(r.byte()),
  /* M BININT2          */ 77: (m, r) => m.push(r.view(2).getUint16(0, true)),
  /* N NONE             */ 78: (m) => m.push(null),
  /* Q BINPERSID        */ 81: (m) => m.make(m.host.load(m.pop())),
  /* R REDUCE           */ 82: (m) => reduce(m),
  /* T BINSTRING        */ 84: (m, r) => m.text(r.view(4).getUint32(0, true)),
  /* U SHORT_BINSTRING  */ 85: (m, r) => m.text(r.byte()),
  /* X BINUNICODE       */ 88: (m, r) => m.text(r.view(4).getUint32(0, true)),
  /* ] EMPTY_LIST       */ 93: (m) => m.make([]),
  /* a APPEND           */ 97: (m) => m.append([m.pop()]),
  /* b BUILD            */ 98: (m) => m.build(m.pop()),
  /* c GLOBAL           */ 99: (m, r) => m.global(r.line(), r.line()),
  /* e APPENDS          */ 101: (m) => m.append(m.popMark()),
  /* h BINGET           */ 104: (m, r) => m.recall(r.byte()),
  /* j LONG_BINGET      */ 106: (m, r) => m.recall(r.view(4).getUint32(0, true)),
  /* q BINPUT           */ 113: (m, r) => void m.memo.set(r.byte(), m.top()),
  /* r LONG_BINPUT      */ 114: (m, r) => void m.memo.set(r.view(4).getUint32(0, true), m.top()),
  /* s SETITEM          */ 115: (m) => setItem(m),
  /* t TUPLE            */ 116: (m) => m.make(m.popMark()),
  /* u SETITEMS         */ 117: (m) => m.setItems(m.popMark()),
  /* } EMPTY_DICT       */ 125: (m) => m.make(new Map()),
  /* PROTO              */ 128: (_, r) => protocol(r),
  /* NEWOBJ             */ 129: (m) => reduce(m),
  /* TUPLE1             */ 133: (m) => m.tuple(1),
  /* TUPLE2             */ 134: (m) => m.tuple(2),
  /* TUPLE3             */ 135: (m) => m.tuple(3),
  /* NEWTRUE            */ 136: (m) => m.push(true),
  /* NEWFALSE           */ 137: (m) => m.push(false),
  /* LONG1              */ 138: (m, r) => m.integer(r.byte()),
  /* LONG4              */ 139: (m, r) => m.integer(r.view(4).getUint32(0, true)),
  /* SHORT_BINUNICODE   */ 140: (m, r) => m.text(r.byte()),
  /* BINUNICODE8        */ 141: (m, r) => m.text(r.uint64()),
  /* BINBYTES8          */ 142: (m, r) => m.make(m.bytes(r.uint64()).slice()),
  /* EMPTY_SET          */ 143: (m) => m.make(new Set()),
  /* ADDITEMS           */ 144: (m) => addItems(m),
  /* FROZENSET          */ 145: (m) => m.make(new Set(m.popMark())),
  /* STACK_GLOBAL       */ 147: (m) => stackGlobal(m),
  /* MEMOIZE            */ 148: (m) => void m.memo.set(m.memo.size, m.top()),
  /* FRAME              */ 149: (_, r) => void r.uint64(),
  /* BYTEARRAY8         */ 150: (m, r) => m.make(m.bytes(r.uint64()).slice()),
};

function reduce(m: Machine): void {
  const args = m.pop();
  m.call(m.pop(), args);
}

function setItem(m: Machine): void {
  const value = m.pop();
  m.setItems([m.pop(), value]);
}

function addItems(m: Machine): void {
  const items = m.popMark();
  const target = m.top();
  if (!(target instanceof Set)) m.reader.fail("not a valid pickle: items are added to what is no set");
  for (const item of items) target.add(item);
}

function stackGlobal(m: Machine): void {
  const name = m.pop();
  m.global(m.pop(), name);
}

function protocol(r: ByteReader): void {
  const version = r.byte();
  if (version < 2 || version > 5) r.fail(`pickle protocol ${version} is not supported (2 to 5 are)`);
}
