import { ResNetError } from "../../errors.ts";
import { isTurned } from "../../tensor/layout.ts";
import type { Handle, MemoryStats } from "../../tensor/memory.ts";
import { numel, type Shape } from "../../tensor/shape.ts";
import { forgottenTensors } from "../../tensor/tensor.ts";
import type {
  Backend,
  BackendInfo,
  Graph,
  OpAttrs,
  OpName,
  OpTable,
  Program,
  ProgramOptions,
  View,
} from "../backend.ts";
import { Allocator } from "./allocator.ts";
import {
  type BinaryName,
  binaryName,
  compileBinary,
  type Exports,
  hasTeam,
  inlinedBinary,
  instantiateBinary,
  type WasmSource,
} from "./binary.ts";
import { CompiledProgram } from "./compiled.ts";
import { Eager } from "./eager.ts";
import { inlineBytes } from "./inline.ts";
import type { LowerContext } from "./lower/context.ts";
import { lowerFill } from "./lower/fill.ts";
import { lower } from "./lower/index.ts";
import { plan, type WasmOptions } from "./plan.ts";
import { startTeam, type Team } from "./team.ts";

export type { WasmOptions };

/** Gives a binary, compiled; what there is to say about it goes to the reasons. */
export type Binaries = (name: BinaryName, reasons: string[]) => Promise<WebAssembly.Module>;

/** Linear memory starts at 1 MiB (what asconfig.json says) and may grow to 4 GiB. */
const initialPages = 16;
const maximumPages = 65536;

/** With the binary that is handed over, or the inlined one: also where threads were asked for, their binary is here, and they are not. */
export async function createWasmBackend(options: WasmOptions & { readonly wasm?: WasmSource }): Promise<WasmBackend> {
  const { wasm, threads } = options;
  return startWasmBackend(options, async (name, reasons) => {
    if (wasm !== undefined) {
      const module = await compileBinary(name, wasm);
      if (threads === 1 || hasTeam(name) || !hasTeam(binaryName(module, name))) return module;
      reasons.push("the binary that was handed over is for threads: the inlined one instead");
    }
    const text = await inlinedBinary(name);
    return compileBinary(name, () => inlineBytes(text));
  });
}

export async function startWasmBackend(options: WasmOptions, binaries: Binaries): Promise<WasmBackend> {
  const { threads, worker } = options;
  const { name: wanted, reasons } = plan(options);
  const module = await binaries(wanted, reasons);
  const name = binaryName(module, wanted);
  if (hasTeam(name) !== hasTeam(wanted)) {
    throw new ResNetError(`wasm: threads: ${threads} needs the ${wanted} binary of resnet-ts/wasm, got ${name}`, {
      code: "ERR_WASM",
    });
  }
  if (name !== wanted) reasons.push(`but the binary that was handed over is ${name}`);
  if (hasTeam(name)) {
    return new WasmBackend(name, reasons, await startTeam(name, module, threads, worker));
  }
  const memory = new WebAssembly.Memory({ initial: initialPages, maximum: maximumPages });
  const exports = await instantiateBinary<Exports>(name, memory, module);
  return new WasmBackend(name, reasons, { threads: 1, exports, allocator: new Allocator(memory, exports.heapBase()) });
}

/** The contract on SIMD WebAssembly. A handle is a byte address in the linear memory. */
export class WasmBackend implements Backend {
  readonly name = "wasm";
  readonly exports: Exports;
  readonly allocator: Allocator;
  readonly #binary: BinaryName;
  readonly #reasons: readonly string[];
  readonly #eager: Eager;
  readonly #team: Team;

  constructor(binary: BinaryName, reasons: readonly string[], team: Team) {
    const { exports, allocator, threads } = team;
    this.#team = team;
    this.#binary = binary;
    this.#reasons = reasons;
    this.exports = exports;
    this.allocator = allocator;
    this.#eager = new Eager(allocator, exports, threads);
  }

  get lost(): boolean {
    return this.#team.lost === true;
  }

  alloc(length: number): Handle {
    return this.allocator.alloc(length * 4);
  }

  free(handle: Handle): void {
    this.allocator.free(handle as number);
  }

  write(handle: Handle, values: Float32Array): void {
    this.allocator.f32.set(values, (handle as number) >>> 2);
  }

  fill(handle: Handle, shape: Shape, read: (target: Float32Array) => void): boolean {
    const length = numel(shape);
    const to = handle as number;
    const flag = this.allocator.alloc(4, "an answer");
    this.allocator.i32[flag >>> 2] = 0;
    try {
      this.#eager.launch(() => {
        const from = isTurned(shape) ? this.#eager.scratch(length) : to;
        this.#read(from >>> 2, length, read);
        lowerFill(this.#eager, { from, to, shape, flag });
      });
      return this.allocator.i32[flag >>> 2] === 0;
    } finally {
      this.allocator.free(flag);
    }
  }

  /** `read` writes to word `at`; where it made tensors and memory grew, its array has lost its memory, and it gets one of its own. */
  #read(at: number, length: number, read: (target: Float32Array) => void): void {
    const target = this.allocator.f32.subarray(at, at + length);
    try {
      read(target);
    } catch (error) {
      if (target.length === length) throw error;
    }
    if (target.length === length) return;
    const values = new Float32Array(length);
    read(values);
    this.allocator.f32.set(values, at);
  }

  readSync(handle: Handle, length: number): Float32Array {
    const at = (handle as number) >>> 2;
    return this.allocator.f32.slice(at, at + length) as Float32Array;
  }

  async read(handle: Handle, length: number): Promise<Float32Array> {
    return this.readSync(handle, length);
  }

  launch<K extends OpName>(op: K, attrs: OpAttrs[K], inputs: readonly (View | null)[], outputs: readonly View[]): void {
    const table: OpTable<LowerContext> = lower;
    this.#eager.launch(() => table[op](attrs, inputs, outputs, this.#eager));
  }

  compile(graph: Graph, options: ProgramOptions): Program {
    const { allocator, exports } = this;
    const { threads: workers } = this.#team;
    return new CompiledProgram({ allocator, workers, run: (at, count) => exports.run(at, count) }, graph, options);
  }

  info(): BackendInfo {
    return {
      backend: "wasm",
      binary: this.#binary,
      threads: this.#team.threads,
      deterministic: this.#binary.startsWith("strict"),
      reasons: this.#reasons,
      memory: this.#stats(),
    };
  }

  /** The memory itself goes when nothing refers to this object any more; WebAssembly cannot shrink it. */
  dispose(): void {
    this.#team.dispose?.();
  }

  #stats(): MemoryStats {
    const { used, reserved, blocks } = this.allocator;
    return { used, reserved, blocks, forgotten: forgottenTensors() };
  }
}
