import { DisposedError } from "../../errors.ts";
import type { Storage } from "../../tensor/storage.ts";
import { type Block as ArenaBlock, planArena } from "../arena.ts";
import type { Graph, KernelTime, Program, ProgramMemory, ProgramOptions, View } from "../backend.ts";
import { constants as constantsOf, lifetimes } from "../graph.ts";
import type { Dispatch, Fixed, Slot } from "./context.ts";
import { Eager } from "./eager.ts";
import { type Machine, workgroupsOf } from "./machine.ts";
import { paramStride, uniformBuffer, writeParams } from "./pipelines.ts";
import type { Block } from "./pool.ts";
import { Prepared } from "./prepared.ts";
import { type Step, timeSteps } from "./profile.ts";
import { type Filling, type Recorded, record } from "./recorder.ts";
import { chooseWinograd } from "./tuneWinograd.ts";

/** Offsets of bindings are multiples of this on every adapter. */
const align = 256;

/**
 * A graph whose pipelines, bind groups, parameters and memory are in place. A run copies the input in, replays the dispatches in one
 * pass, and copies outputs out; everything is submitted together with the copy that reads the result.
 */
export class CompiledProgram implements Program {
  readonly memory: ProgramMemory;
  readonly #machine: Machine;
  readonly #input: Block;
  readonly #outputs: readonly Block[];
  readonly #prepared: Prepared;
  /** What is read as it is, in every run. */
  readonly #kept: ReadonlyMap<Storage, Storage>;
  readonly #offsets: ReadonlyMap<Storage, number>;
  readonly #arena: Block;
  readonly #uniforms: GPUBuffer;
  readonly #steps: readonly Step[];
  readonly #kernels: readonly { readonly kernel: string; readonly node: number }[];
  #disposed = false;

  /** Pipelines are made in parallel, and all memory is there before the first weight is taken: what fails for lack of it changes nothing. */
  static async create(machine: Machine, graph: Graph, options: ProgramOptions): Promise<CompiledProgram> {
    const shared = options.share instanceof CompiledProgram ? options.share.#prepared : new Prepared(machine);
    shared.retain();
    let program: CompiledProgram | undefined;
    const make = async (): Promise<CompiledProgram> => {
      const constants = constantsOf(graph);
      const { precision: numbers = "f32" } = options;
      const recorded = record(graph, constants, shared, {
        tile: machine.tile,
        numbers,
        winograd: await chooseWinograd(machine, graph, options),
      });
      const all = [...recorded.fillings.flatMap((filling) => filling.dispatches), ...recorded.dispatches];
      const kinds = new Map(all.map((d) => [`${d.kernel} ${JSON.stringify(d.constants)} ${d.numbers}`, d]));
      await Promise.all([...kinds.values()].map((d) => machine.pipelines.prepare(d)));
      const direct = new Set(recorded.direct);
      for (const y of graph.outputs) if (constants.has(y.storage)) direct.add(y.storage);
      const kept = new Map([...direct].map((storage) => [storage, options.keep(storage)]));
      program = new CompiledProgram(machine, graph, shared, recorded, kept);
      const waiting = recorded.fillings.map(({ source }) => source.storage);
      for (const filling of recorded.fillings) {
        await fill(machine, filling);
        const storage = waiting.shift()!;
        if (!direct.has(storage) && !waiting.includes(storage)) options.release(storage);
      }
      return program;
    };
    try {
      return await shared.inTurn(make);
    } catch (error) {
      if (program === undefined) shared.release();
      else program.dispose();
      throw error;
    }
  }

  private constructor(
    machine: Machine,
    graph: Graph,
    prepared: Prepared,
    recorded: Recorded,
    kept: ReadonlyMap<Storage, Storage>,
  ) {
    this.#machine = machine;
    this.#prepared = prepared;
    this.#kept = kept;
    const lives = [...lifetimes(graph)];
    const scratch = [...recorded.scratch];
    const bytesOf = (length: number, wide = recorded.numbers === "f32"): number =>
      Math.max(align, Math.ceil((length * (wide ? 4 : 2)) / align) * align);
    const blocks: ArenaBlock[] = [
      ...lives.map(([storage, life]) => ({ bytes: bytesOf(storage.length), ...life })),
      ...scratch.map(([{ length, wide }, node]) => ({
        bytes: bytesOf(length, wide || undefined),
        from: node,
        to: node,
      })),
    ];
    const arena = planArena(blocks);
    this.#offsets = new Map(lives.map(([storage], i) => [storage, arena.offsets[i]!]));
    const scratchAt = new Map(scratch.map(([slot], i) => [slot, arena.offsets[lives.length + i]!]));
    this.#arena = machine.take(arena.bytes, "activations of a compiled network");
    const commands = Math.max(1, recorded.dispatches.length) * paramStride;
    this.#uniforms = uniformBuffer(machine.device, commands);
    machine.used += commands;
    const resolve = (slot: Slot): Block => {
      if ("scratch" in slot) return { ...this.#arena, offset: scratchAt.get(slot)! };
      return "fixed" in slot ? slot.fixed : this.#block(slot);
    };
    this.#kernels = recorded.dispatches.map(({ kernel }, i) => ({ kernel, node: recorded.nodes[i]! }));
    this.#steps = this.#prepareSteps(recorded.dispatches, resolve);
    this.#input = resolve(recorded.input);
    this.#outputs = recorded.outputs.map(resolve);
    const weights = [...kept.keys()].reduce((sum, storage) => sum + storage.length * 4, 0);
    const packed = prepared.bytes;
    this.memory = { weights, packed, arena: arena.bytes, commands, total: weights + packed + arena.bytes + commands };
  }

  run(input: View, outputs: readonly View[]): void {
    const { stream } = this.#machine;
    stream.copy(input.storage.handle as Block, this.#input, input.storage.length * 4);
    this.#steps.forEach(({ pipeline, group, workgroups }, i) => {
      stream.replay(pipeline, group, i * paramStride, workgroups);
    });
    this.#outputs.forEach((from, i) => {
      const { storage } = outputs[i]!;
      stream.copy(from, storage.handle as Block, storage.length * 4);
    });
  }

  async profile(input: View): Promise<readonly KernelTime[]> {
    const { stream } = this.#machine;
    stream.copy(input.storage.handle as Block, this.#input, input.storage.length * 4);
    const { ms, by } = await timeSteps(this.#machine, this.#steps, this.#input, () => {
      if (this.#disposed) throw new DisposedError("compiled network");
    });
    return this.#kernels.map(({ kernel, node }, i) => ({ kernel, node, milliseconds: ms[i]!, by }));
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#machine.stream.submit(); // what was recorded may use the parameters
    this.#uniforms.destroy();
    this.#machine.used -= this.memory.commands;
    this.#machine.give(this.#arena, this.memory.arena);
    this.#prepared.release();
  }

  #prepareSteps(dispatches: readonly Dispatch[], resolve: (slot: Slot) => Block): Step[] {
    const { pipelines, device } = this.#machine;
    const params = new DataView(new ArrayBuffer(this.#uniforms.size));
    const steps = dispatches.map((dispatch, i): Step => {
      writeParams(params, i * paramStride, dispatch.kernel, dispatch.params);
      return {
        pipeline: pipelines.get(dispatch),
        group: this.#machine.bind(dispatch, this.#uniforms, resolve),
        workgroups: workgroupsOf(dispatch),
      };
    });
    device.queue.writeBuffer(this.#uniforms, 0, params.buffer);
    return steps;
  }

  #block({ storage }: View): Block {
    const offset = this.#offsets.get(storage);
    if (offset !== undefined) return { ...this.#arena, offset };
    return this.#kept.get(storage)!.handle as Block;
  }
}

/** Packs a weight; a folded batch norm's factors are applied in 64 bits before. */
async function fill(machine: Machine, { source, scale, dispatches }: Filling): Promise<void> {
  let scaled: Fixed | undefined;
  if (scale !== undefined) {
    const values = await source.storage.read();
    const each = values.length / scale.length;
    for (let i = 0; i < values.length; i++) values[i] = values[i]! * scale[Math.floor(i / each)]!;
    scaled = { fixed: machine.pool.take(values.byteLength, "scaled weight"), length: values.length };
    machine.stream.write(scaled.fixed, values);
  }
  const eager = new Eager(machine, scaled === undefined ? new Map() : new Map([[source.storage, scaled]]));
  eager.launch(() => {
    for (const dispatch of dispatches) eager.dispatch(dispatch);
  });
  if (scaled !== undefined) machine.pool.give(scaled.fixed);
}
