import { Storage } from "../../tensor/storage.ts";
import type { Graph, GraphNode, Launch, Program, ProgramMemory, ProgramOptions, View } from "../backend.ts";
import { constants, lifetimes } from "../graph.ts";

/** Weights times the factors of folded batch norms, made once: the model may be gone when another shape needs them. */
class Scaled {
  readonly #made = new Map<Float64Array, Map<Storage, Storage>>();
  #users = 0;

  retain(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users > 0) return;
    for (const storage of this.all()) storage.release();
    this.#made.clear();
  }

  all(): Storage[] {
    return [...this.#made.values()].flatMap((made) => [...made.values()]);
  }

  /** @param by a factor for each output channel */
  scale(weight: Storage, by: Float64Array): Storage {
    const made = this.#made.get(by) ?? new Map<Storage, Storage>();
    const known = made.get(weight);
    if (known !== undefined) return known;
    const values = weight.readSync()!;
    const k = values.length / by.length;
    const scaled = new Storage(values.length);
    scaled.write(values.map((v, i) => v * by[Math.floor(i / k)]!));
    this.#made.set(by, made.set(weight, scaled));
    return scaled;
  }
}

/** A graph that is launched node by node: the operations are the specification, and nothing is put together or packed. */
export class JsProgram implements Program {
  readonly memory: ProgramMemory;
  readonly #launch: (launch: Launch) => void;
  readonly #graph: Graph;
  readonly #scaled: Scaled;
  readonly #kept: readonly (readonly [Storage, Storage])[];
  readonly #lives: ReadonlyMap<Storage, { from: number; to: number }>;
  #disposed = false;

  constructor(graph: Graph, options: ProgramOptions, launch: (launch: Launch) => void) {
    this.#launch = launch;
    this.#scaled = (options.share instanceof JsProgram ? options.share.#scaled : new Scaled()).retain();
    try {
      this.#graph = { ...graph, nodes: graph.nodes.map((node) => this.#unscaled(node)) };
      const scaled = new Set(this.#scaled.all());
      const direct = [...constants(this.#graph)].filter((storage) => !scaled.has(storage));
      this.#kept = direct.map((storage) => [storage, options.keep(storage)] as const);
      this.#lives = lifetimes(this.#graph);
      const weights = bytes(direct);
      const packed = bytes(scaled);
      const arena = peakBytes(this.#lives);
      this.memory = { weights, packed, arena, commands: 0, total: weights + packed + arena };
    } catch (error) {
      this.#scaled.release();
      throw error;
    }
  }

  run(input: View, outputs: readonly View[]): void {
    const values = new Map<Storage, Storage>([...this.#kept, [this.#graph.input.storage, input.storage]]);
    const view = (v: View): View => ({ storage: values.get(v.storage) ?? v.storage, shape: v.shape });
    const made = new Set<Storage>();
    try {
      this.#graph.nodes.forEach((node, at) => {
        for (const y of node.outputs) {
          const storage = new Storage(y.storage.length);
          made.add(storage);
          values.set(y.storage, storage);
        }
        this.#launch({ ...node, inputs: node.inputs.map((v) => v && view(v)), outputs: node.outputs.map(view) });
        for (const [storage, life] of this.#lives) {
          const mine = values.get(storage);
          if (life.to !== at || mine === undefined || !made.delete(mine)) continue;
          mine.release();
        }
      });
      this.#graph.outputs.forEach((y, i) => {
        this.#launch({ op: "mulScalar", attrs: { factor: 1 }, inputs: [view(y)], outputs: [outputs[i]!] });
      });
    } finally {
      for (const storage of made) storage.release();
    }
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#scaled.release();
  }

  #unscaled(node: GraphNode): GraphNode {
    const { weightScale, ...rest } = node;
    if (weightScale === undefined) return node;
    const [x, weight, ...others] = node.inputs as [View, View, ...(View | null)[]];
    return { ...rest, inputs: [x, { ...weight, storage: this.#scaled.scale(weight.storage, weightScale) }, ...others] };
  }
}

function bytes(storages: Iterable<Storage>): number {
  let sum = 0;
  for (const { length } of storages) sum += length * 4;
  return sum;
}

/** The most that is alive at once. */
function peakBytes(lives: ReadonlyMap<Storage, { from: number; to: number }>): number {
  let peak = 0;
  for (const { from } of lives.values()) {
    const live = [...lives].filter(([, other]) => other.from <= from && from <= other.to);
    peak = Math.max(peak, bytes(live.map(([storage]) => storage)));
  }
  return peak;
}
