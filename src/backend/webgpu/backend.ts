import type { Handle } from "../../tensor/memory.ts";
import { forgottenTensors } from "../../tensor/tensor.ts";
import type {
  Backend,
  BackendInfo,
  Graph,
  OpAttrs,
  OpName,
  OpTable,
  Precision,
  Program,
  ProgramOptions,
  View,
} from "../backend.ts";
import { CompiledProgram } from "./compiled.ts";
import type { LowerContext } from "./context.ts";
import { type OpenedDevice, openDevice, type WebGpuOptions, type Winograd } from "./device.ts";
import { Eager } from "./eager.ts";
import { lower } from "./lower/index.ts";
import { Machine } from "./machine.ts";
import type { Block } from "./pool.ts";
import { chooseTile } from "./tune.ts";

export type { WebGpuOptions };

export async function createWebGpuBackend(options: WebGpuOptions): Promise<WebGpuBackend> {
  const opened = await openDevice(options);
  const { tile, reason } = await chooseTile(opened, options.tile);
  return new WebGpuBackend(opened, tile, reason, options.winograd);
}

/** The contract on a GPU. A handle is a stretch of a GPU buffer; values can be read only asynchronously. */
export class WebGpuBackend implements Backend {
  readonly name = "webgpu";
  readonly machine: Machine;
  readonly precisions: readonly Precision[];
  readonly #opened: OpenedDevice;
  readonly #eager: Eager;
  readonly #reasons: readonly string[];
  #blocks = 0;
  readonly #lengths = new WeakMap<Block, number>();

  constructor(opened: OpenedDevice, tile: "registers" | "shared", reason: string, winograd?: Winograd) {
    this.#opened = opened;
    this.machine = new Machine(opened.device, tile, winograd ?? (opened.software ? "wide" : "timed"), opened.adapter);
    this.#eager = new Eager(this.machine);
    const half = opened.device.features.has("shader-f16");
    this.precisions = half ? ["f32", "f16", "f16-sums"] : ["f32"];
    const numbers = half ? "compile may use f16" : "f32 only: this adapter does not offer shader-f16";
    this.#reasons = [`WebGPU on ${opened.adapter}${opened.software ? " (software)" : ""}`, reason, numbers];
  }

  alloc(length: number): Handle {
    const block = this.machine.take(length * 4);
    this.#lengths.set(block, length);
    this.#blocks++;
    return block;
  }

  free(handle: Handle): void {
    const block = handle as Block;
    this.machine.give(block, this.#lengths.get(block)! * 4);
    this.#blocks--;
  }

  write(handle: Handle, values: Float32Array): void {
    this.machine.stream.write(handle as Block, values);
  }

  read(handle: Handle, length: number): Promise<Float32Array> {
    return this.machine.stream.read(handle as Block, length);
  }

  launch<K extends OpName>(op: K, attrs: OpAttrs[K], inputs: readonly (View | null)[], outputs: readonly View[]): void {
    const table: OpTable<LowerContext> = lower;
    this.#eager.launch(() => table[op](attrs, inputs, outputs, this.#eager));
  }

  compile(graph: Graph, options: ProgramOptions): Promise<Program> {
    return CompiledProgram.create(this.machine, graph, options);
  }

  get lost(): boolean {
    return this.machine.stream.lost;
  }

  info(): BackendInfo {
    return {
      backend: "webgpu",
      binary: this.#opened.adapter,
      threads: 1,
      deterministic: false,
      reasons: this.#reasons,
      memory: {
        used: this.machine.used,
        reserved: this.machine.pool.reserved,
        blocks: this.#blocks,
        forgotten: forgottenTensors(),
      },
    };
  }

  dispose(): void {
    this.machine.stream.dispose();
  }
}
