import type { Storage } from "../../tensor/storage.ts";
import { type Arena, type Block, planArena } from "../arena.ts";
import type { Graph, GraphNode, OpTable, Program, ProgramMemory, ProgramOptions, View } from "../backend.ts";
import { constants as constantsOf, lifetimes } from "../graph.ts";
import type { Allocator } from "./allocator.ts";
import { bandRows } from "./bands.ts";
import { type Command, wordsOf, writeCommands } from "./commands.ts";
import type { LowerContext } from "./lower/context.ts";
import { lower } from "./lower/index.ts";
import { Prepared } from "./prepared.ts";
import type { KernelName, RecordOf } from "./records.ts";
import { type Sliced, sliceBatch } from "./slices.ts";
import { allConstant, type Survey, survey } from "./survey.ts";

/** What a program needs of its backend. */
export interface Machine {
  readonly allocator: Allocator;
  /** How many workers `run` uses. */
  readonly workers: number;
  /** Runs `count` commands at a byte address. */
  run(block: number, count: number): void;
}

interface Plan extends Arena {
  /** Offset of each value in the arena. */
  readonly values: ReadonlyMap<Storage, number>;
  /** Offsets of each node's scratch memory. */
  readonly scratch: readonly (readonly number[])[];
}

/** Values and scratch memory in one arena. */
function plan({ graph, slices }: Sliced, { scratch }: Survey): Plan {
  const lives = [...lifetimes(graph, (storage) => slices.get(storage)?.whole ?? storage)];
  const blocks: Block[] = lives.map(([storage, life]) => ({ bytes: storage.length * 4, ...life }));
  scratch.forEach((lengths, node) => {
    for (const length of lengths) blocks.push({ bytes: length * 4, from: node, to: node });
  });
  const arena = planArena(blocks);
  let next = lives.length;
  const values = new Map(lives.map(([storage], i) => [storage, arena.offsets[i]!]));
  for (const [piece, { whole, offset }] of slices) values.set(piece, values.get(whole)! + offset * 4);
  return {
    ...arena,
    values,
    scratch: scratch.map((lengths) => lengths.map(() => arena.offsets[next++]!)),
  };
}

/** A graph whose commands, packed weights and memory are in place: a run copies the input in, runs, and copies outputs out. */
export class CompiledProgram implements Program {
  readonly memory: ProgramMemory;
  readonly #machine: Machine;
  readonly #graph: Graph;
  readonly #prepared: Prepared;
  readonly #plan: Plan;
  readonly #keep: ProgramOptions["keep"];
  /** Memory of its own. */
  readonly #taken: number[] = [];
  readonly #arena: number;
  readonly #block: number;
  readonly #count: number;
  #disposed = false;

  constructor(machine: Machine, graph: Graph, options: ProgramOptions) {
    const { allocator } = machine;
    const shared = options.share instanceof CompiledProgram ? options.share.#prepared : new Prepared(allocator);
    this.#machine = machine;
    this.#keep = options.keep;
    this.#graph = graph;
    this.#prepared = shared.retain();
    try {
      const constants = constantsOf(graph);
      const about: Pick<LowerContext, "workers" | "memory" | "chosen"> = {
        workers: machine.workers,
        memory: options.memory,
        chosen: (attrs, sources, choose) =>
          allConstant(sources, constants) ? shared.chosen(attrs, sources, choose) : choose(),
      };
      const sliced = bandRows(sliceBatch(graph, constants, machine.workers), constants, about);
      const found = survey(sliced.graph, constants, about);
      for (const y of graph.outputs) if (constants.has(y.storage)) found.direct.add(y.storage);
      // Weights first: what they leave behind is room for the arena.
      const packer = new Packer(machine, shared, found, options.release);
      this.#plan = plan(sliced, found);
      const lowering = new Lowering(about, constants, this.#plan, packer, options.keep);
      try {
        lowering.prepareAll(sliced.graph, found.packed);
      } finally {
        packer.finish();
      }
      let weights = 0;
      for (const storage of found.direct) weights += options.keep(storage).length * 4;
      this.#arena = this.#take(this.#plan.bytes, "activations of a compiled network");
      const commands = lowering.lower(sliced.graph, this.#arena);
      const bytes = wordsOf(commands) * 4;
      this.#block = this.#take(bytes, "commands of a compiled network");
      this.#count = commands.length;
      writeCommands(allocator, commands, this.#block);
      const packed = shared.bytes;
      const arena = this.#plan.bytes;
      this.memory = { weights, packed, arena, commands: bytes, total: weights + packed + arena + bytes };
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  run(input: View, outputs: readonly View[]): void {
    this.#copy(input.storage.handle as number, this.#address(this.#graph.input), input.storage.length);
    this.#machine.run(this.#block, this.#count);
    this.#graph.outputs.forEach((y, i) => {
      this.#copy(this.#address(y), outputs[i]!.storage.handle as number, y.storage.length);
    });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#prepared.release();
    for (const at of this.#taken) this.#machine.allocator.free(at);
  }

  #take(bytes: number, what: string): number {
    const at = this.#machine.allocator.alloc(bytes, what);
    this.#taken.push(at);
    return at;
  }

  #address({ storage }: View): number {
    const offset = this.#plan.values.get(storage);
    return offset === undefined ? (this.#keep(storage).handle as number) : this.#arena + offset;
  }

  #copy(from: number, to: number, length: number): void {
    this.#machine.allocator.f32.copyWithin(to >>> 2, from >>> 2, (from >>> 2) + length);
  }
}

/** Lowers a graph with the addresses of a plan. */
class Lowering implements LowerContext {
  readonly compiled = true;
  readonly workers: number;
  readonly memory: "default" | "low";
  readonly chosen: LowerContext["chosen"];
  readonly #constants: ReadonlySet<Storage>;
  readonly #plan: Plan;
  readonly #packer: Packer;
  readonly #keep: ProgramOptions["keep"];
  #arena = 0;
  #commands: Command[] = [];
  #node: GraphNode | undefined;
  #scratch: readonly number[] = [];
  #next = 0;

  constructor(
    about: Pick<LowerContext, "workers" | "memory" | "chosen">,
    constants: ReadonlySet<Storage>,
    plan: Plan,
    packer: Packer,
    keep: ProgramOptions["keep"],
  ) {
    this.#keep = keep;
    this.workers = about.workers;
    this.memory = about.memory;
    this.chosen = about.chosen;
    this.#constants = constants;
    this.#plan = plan;
    this.#packer = packer;
  }

  /** Prepares all weights, the largest packed form first: smaller ones then fit into what the weights of larger ones leave behind. */
  prepareAll(graph: Graph, packed: readonly number[]): void {
    for (const at of [...packed.keys()].sort((a, b) => packed[b]! - packed[a]! || a - b)) this.#lowerNode(graph, at);
    this.#commands = [];
  }

  /** @param arena its address */
  lower(graph: Graph, arena: number): Command[] {
    this.#arena = arena;
    this.#commands = [];
    for (let at = 0; at < graph.nodes.length; at++) this.#lowerNode(graph, at);
    return this.#commands;
  }

  #lowerNode(graph: Graph, at: number): void {
    const node = graph.nodes[at]!;
    const table: OpTable<LowerContext> = lower;
    this.#node = node;
    this.#scratch = this.#plan.scratch[at]!;
    this.#next = 0;
    table[node.op](node.attrs as never, node.inputs, node.outputs, this);
  }

  address({ storage }: View): number {
    const offset = this.#plan.values.get(storage);
    if (offset !== undefined) return this.#arena + offset;
    // What is prepared is read once, from where it is; what commands read stays.
    const read = this.#arena === 0 ? storage : this.#keep(storage);
    return this.#packer.staged(storage) ?? (read.handle as number);
  }

  scratch(): number {
    return this.#arena + this.#scratch[this.#next++]!;
  }

  emit<K extends KernelName>(kernel: K, tiles: number, record: RecordOf<K>): void {
    if (tiles > 0) this.#commands.push({ kernel, tiles, record: record as RecordOf<KernelName> });
  }

  prepare(
    layout: string,
    sources: readonly (View | null)[],
    length: number,
    fill: (at: number, scale: number) => void,
  ): number {
    if (!allConstant(sources, this.#constants)) {
      const at = this.scratch();
      fill(at, 0);
      return at;
    }
    const outer = this.#commands;
    this.#commands = [];
    const at = this.#packer.prepare(layout, sources, length, this.#node!.weightScale, (to, scale) => {
      fill(to, scale);
      return this.#commands;
    });
    this.#commands = outer;
    return at;
  }
}

/** Prepares constants: runs their commands once, and gives sources back that nobody needs any more. */
class Packer {
  readonly #machine: Machine;
  readonly #prepared: Prepared;
  readonly #survey: Survey;
  readonly #release: (constant: Storage) => void;
  #staged: Storage | undefined;
  #stageAt = 0;

  constructor(machine: Machine, prepared: Prepared, found: Survey, release: (constant: Storage) => void) {
    this.#machine = machine;
    this.#prepared = prepared;
    this.#survey = found;
    this.#release = release;
  }

  prepare(
    layout: string,
    sources: readonly (View | null)[],
    length: number,
    scale: Float64Array | undefined,
    fill: (at: number, scale: number) => readonly Command[],
  ): number {
    const key = this.#prepared.key(layout, sources);
    const ready = this.#prepared.find(key);
    if (ready !== undefined) return ready;
    const { prepared, direct } = this.#survey;
    const done: Storage[] = [];
    for (const source of sources) {
      if (source === null) continue;
      const { storage } = source;
      const left = prepared.get(storage)! - 1;
      prepared.set(storage, left);
      if (left === 0 && !direct.has(storage)) done.push(storage);
    }
    const weight = sources[0]!.storage;
    // Winograd's filters are far larger than the weights and never fit into their place: those are read where they are.
    const early = done.includes(weight) && length < 2 * weight.length;
    if (early) {
      this.#stage(weight);
      this.#release(weight);
    }
    const at = this.#prepared.add(key, length);
    this.#run(scale, (scaleAt) => fill(at, scaleAt));
    for (const storage of done) if (!early || storage !== weight) this.#release(storage);
    this.#staged = undefined;
    return at;
  }

  /** Where a weight that has been given back already can be read while it is packed. */
  staged(storage: Storage): number | undefined {
    return storage === this.#staged ? this.#stageAt : undefined;
  }

  /** Ends packing. */
  finish(): void {
    if (this.#stageAt !== 0) this.#machine.allocator.free(this.#stageAt);
    this.#stageAt = 0;
  }

  /** Copies a weight aside, so that its packed form can take its place: then memory grows by one layer, not by all of them. */
  #stage(weight: Storage): void {
    const from = weight.handle as number; // deferred values are computed here, before anything else is allocated
    const { allocator } = this.#machine;
    if (this.#stageAt === 0) {
      const lengths = [...this.#survey.prepared.keys()].map((storage) => storage.length);
      this.#stageAt = allocator.alloc(Math.max(...lengths) * 4, "a copy of a weight");
    }
    allocator.f32.copyWithin(this.#stageAt >>> 2, from >>> 2, (from >>> 2) + weight.length);
    this.#staged = weight;
  }

  #run(scale: Float64Array | undefined, fill: (scale: number) => readonly Command[]): void {
    const { allocator } = this.#machine;
    const scaleAt = scale === undefined ? 0 : allocator.alloc(scale.byteLength, "factors of a batch norm");
    let block = 0;
    try {
      if (scale !== undefined) new Float64Array(allocator.memory.buffer, scaleAt, scale.length).set(scale);
      const commands = fill(scaleAt);
      block = allocator.alloc(wordsOf(commands) * 4, "commands");
      writeCommands(allocator, commands, block);
      this.#machine.run(block, commands.length);
    } finally {
      if (block !== 0) allocator.free(block);
      if (scaleAt !== 0) allocator.free(scaleAt);
    }
  }
}
