import { ResNetError } from "../../errors.ts";
import { usage } from "./device.ts";
import { paramStride, uniformBuffer } from "./pipelines.ts";
import type { Block } from "./pool.ts";

/** Dispatches whose parameters fit the ring; then what was recorded is submitted. */
const ring = 256;

/**
 * Commands in order. They are recorded into one encoder and submitted together: when somebody reads or writes values, or when the ring
 * of parameters is full. Errors of the device come back at the next read; after one no value can be trusted, and the device is given up.
 */
export class Stream {
  readonly device: GPUDevice;
  readonly #uniforms: GPUBuffer;
  readonly #params = new DataView(new ArrayBuffer(ring * paramStride));
  #used = 0;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #failure: Error | undefined;
  #staging: GPUBuffer[] = [];
  readonly #afterSubmit: () => void;

  /** @param afterSubmit called when nothing recorded waits any more */
  constructor(device: GPUDevice, afterSubmit: () => void) {
    this.device = device;
    this.#afterSubmit = afterSubmit;
    this.#uniforms = uniformBuffer(device, ring * paramStride);
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.#fail(`the device refused a command (${error.message.trim()})`, "ERR_WEBGPU");
      setTimeout(() => device.destroy()); // whoever begins anew needs the memory; at once, Dawn would wait for itself
    });
    void device.lost.then(({ reason, message }) => {
      const why = reason === "destroyed" ? "it was disposed" : message || "the driver gave no reason";
      this.#fail(`the device was lost (${why})`, "ERR_DEVICE_LOST");
    });
  }

  get lost(): boolean {
    return this.#failure !== undefined;
  }

  /** What dispatches bind for their parameters, at a dynamic offset. */
  get uniforms(): GPUBuffer {
    return this.#uniforms;
  }

  /**
   * Records a dispatch and its parameters. Bind groups are made before: looking at a tensor whose values are deferred writes them, which
   * submits, and then the ring begins anew.
   * @param write puts the parameters into `view` from byte `at` on
   */
  dispatch(
    pipeline: GPUComputePipeline,
    group: GPUBindGroup,
    workgroups: readonly [number, number, number],
    write: (view: DataView, at: number) => void,
  ): void {
    if (this.#used === ring) this.submit();
    const at = this.#used * paramStride;
    write(this.#params, at);
    this.replay(pipeline, group, at, workgroups);
    this.#used++;
  }

  /** Records a dispatch whose parameters lie in a buffer of their own. */
  replay(
    pipeline: GPUComputePipeline,
    group: GPUBindGroup,
    offset: number,
    workgroups: readonly [number, number, number],
  ): void {
    this.#pass ??= this.#commands().beginComputePass();
    this.#pass.setPipeline(pipeline);
    this.#pass.setBindGroup(0, group, [offset]);
    this.#pass.dispatchWorkgroups(...workgroups);
  }

  copy(from: Block, to: Block, bytes: number): void {
    this.#endPass();
    this.#commands().copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes);
  }

  write(to: Block, values: Float32Array): void {
    if (values.length === 0) return; // which Deno 2.9 would not survive
    this.submit(); // writes happen when they are called, recorded commands when they are submitted
    if (this.#failure !== undefined) throw this.#failure;
    this.device.queue.writeBuffer(to.buffer, to.offset, values as Float32Array<ArrayBuffer>);
  }

  /** Submits what was recorded and waits for the first `length` values of `from`. */
  async read(from: Block, length: number): Promise<Float32Array> {
    if (length === 0) return new Float32Array(0);
    const bytes = length * 4;
    const staging = this.#takeStaging(bytes);
    this.copy(from, { buffer: staging, offset: 0, size: bytes }, bytes);
    this.submit();
    try {
      await staging.mapAsync(usage.mapRead, 0, bytes);
    } catch (cause) {
      staging.destroy();
      throw this.#failure ?? new ResNetError("webgpu: values could not be read", { code: "ERR_WEBGPU", cause });
    }
    const values = new Float32Array(staging.getMappedRange(0, bytes).slice(0));
    staging.unmap();
    this.#giveStaging(staging);
    if (this.#failure !== undefined) throw this.#failure;
    return values;
  }

  /** Hands everything recorded to the device. */
  submit(): void {
    if (this.#encoder === undefined) return;
    this.#endPass();
    if (this.#used > 0) {
      this.device.queue.writeBuffer(this.#uniforms, 0, this.#params.buffer, 0, this.#used * paramStride);
    }
    this.device.queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    this.#used = 0;
    this.#afterSubmit();
  }

  dispose(): void {
    this.#pass = undefined;
    this.#encoder = undefined;
    this.device.destroy();
  }

  #fail(what: string, code: string): void {
    const rest = "its values are gone. Call init again and load the network again";
    this.#failure ??= new ResNetError(`webgpu: ${what}; ${rest}`, { code });
  }

  #commands(): GPUCommandEncoder {
    this.#encoder ??= this.device.createCommandEncoder();
    return this.#encoder;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #takeStaging(bytes: number): GPUBuffer {
    const at = this.#staging.findIndex((buffer) => buffer.size >= bytes && buffer.size <= 4 * bytes + 4096);
    if (at >= 0) return this.#staging.splice(at, 1)[0]!;
    const size = Math.max(4096, 2 ** Math.ceil(Math.log2(bytes)));
    return this.device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
  }

  #giveStaging(buffer: GPUBuffer): void {
    this.#staging.push(buffer);
    if (this.#staging.length > 4) this.#staging.shift()!.destroy();
  }
}
