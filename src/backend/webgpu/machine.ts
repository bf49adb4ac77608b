import { type Dispatch, lengthOf, type Slot } from "./context.ts";
import { usage, type Winograd } from "./device.ts";
import { kernels } from "./kernels/index.ts";
import { Pipelines } from "./pipelines.ts";
import { type Block, BufferPool } from "./pool.ts";
import { Stream } from "./stream.ts";

/** Most storage buffers of one kernel. */
const mostBuffers = 8;

/** A device and what every part of this backend uses of it. */
export class Machine {
  readonly device: GPUDevice;
  readonly pool: BufferPool;
  readonly pipelines: Pipelines;
  readonly stream: Stream;
  readonly tile: "registers" | "shared";
  readonly winograd: Winograd;
  /** Its name: what was timed is remembered by it. */
  readonly adapter: string;
  /** Bytes in use, as tensors and programs count them. */
  used = 0;
  readonly #nothing: GPUBuffer;

  constructor(device: GPUDevice, tile: "registers" | "shared", winograd: Winograd = "wide", adapter = "") {
    this.device = device;
    this.adapter = adapter;
    this.winograd = winograd;
    this.tile = tile;
    this.pool = new BufferPool(device);
    this.pipelines = new Pipelines(device);
    this.stream = new Stream(device, () => this.pool.trim());
    this.#nothing = device.createBuffer({ size: 256 * mostBuffers, usage: usage.storage });
  }

  /** Memory that is counted. @param bytes as the caller counts them */
  take(bytes: number, what?: string): Block {
    const block = this.pool.take(bytes, what);
    this.used += bytes;
    return block;
  }

  give(block: Block, bytes: number): void {
    this.pool.give(block);
    this.used -= bytes;
  }

  /** What a dispatch reads and writes, with parameters in `uniforms` at a dynamic offset. */
  bind(dispatch: Dispatch, uniforms: GPUBuffer, resolve: (slot: Slot) => Block): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: { buffer: uniforms, size: 256 } }];
    const half = dispatch.numbers !== undefined && dispatch.numbers !== "f32";
    const { buffers } = kernels[dispatch.kernel];
    dispatch.slots.forEach((slot, i) => {
      // Nothing has a place of its own per binding: no two may overlap.
      const block = slot === null ? { buffer: this.#nothing, offset: 256 * i } : resolve(slot);
      const bytes = slot === null ? 0 : lengthOf(slot) * (half && buffers[i] ? 2 : 4);
      const size = Math.max(16, Math.ceil(bytes / 16) * 16);
      entries.push({ binding: i + 1, resource: { buffer: block.buffer, offset: block.offset, size } });
    });
    return this.device.createBindGroup({ layout: this.pipelines.layout(dispatch.slots.length), entries });
  }
}

/** Workgroups that hold the invocations a dispatch wants. */
export function workgroupsOf({ kernel, invocations: [x, y, z] }: Dispatch): [number, number, number] {
  const [wide, high] = kernels[kernel].workgroup;
  return [Math.ceil(x / wide), Math.ceil(y / high), z];
}
