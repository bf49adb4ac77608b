import { usage } from "./device.ts";
import { type Kernel, type KernelName, kernels } from "./kernels/index.ts";

/** Values of a kernel's `override` constants. */
export type Constants = Readonly<Record<string, number>>;

/** Compute pipelines by kernel and constants, made once. Dimensions are uniforms, so a whole network needs about a dozen. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #modules = new Map<KernelName, GPUShaderModule>();
  readonly #layouts = new Map<number, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();
  readonly #made = new Map<string, GPUComputePipeline>();
  readonly #coming = new Map<string, Promise<void>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get(name: KernelName, constants: Constants): GPUComputePipeline {
    const key = keyOf(name, constants);
    let pipeline = this.#made.get(key);
    if (pipeline === undefined) {
      pipeline = this.#device.createComputePipeline(this.#describe(kernels[name], constants));
      this.#made.set(key, pipeline);
    }
    return pipeline;
  }

  /** Makes a pipeline beside others that are being made. */
  async prepare(name: KernelName, constants: Constants): Promise<void> {
    const key = keyOf(name, constants);
    if (this.#made.has(key)) return;
    let coming = this.#coming.get(key);
    if (coming === undefined) {
      coming = this.#device.createComputePipelineAsync(this.#describe(kernels[name], constants)).then((pipeline) => {
        this.#made.set(key, pipeline);
        this.#coming.delete(key);
      });
      this.#coming.set(key, coming);
    }
    await coming;
  }

  /** Binding 0: 256 bytes of uniforms at a dynamic offset; then storage buffers. */
  layout(buffers: number): GPUBindGroupLayout {
    return this.#layout(buffers).group;
  }

  #layout(buffers: number) {
    const known = this.#layouts.get(buffers);
    if (known !== undefined) return known;
    const entries: GPUBindGroupLayoutEntry[] = [
      { binding: 0, visibility: 4, buffer: { type: "uniform", hasDynamicOffset: true } },
    ];
    // All may be written: stretches of one arena cannot be bound for reading and for writing in one dispatch.
    for (let binding = 1; binding <= buffers; binding++) {
      entries.push({ binding, visibility: 4, buffer: { type: "storage" } });
    }
    const group = this.#device.createBindGroupLayout({ entries });
    const made = { group, pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [group] }) };
    this.#layouts.set(buffers, made);
    return made;
  }

  #describe(kernel: Kernel, constants: Constants): GPUComputePipelineDescriptor {
    let module = this.#modules.get(kernel.name);
    if (module === undefined) {
      module = this.#device.createShaderModule({ code: kernel.code, label: kernel.name });
      this.#modules.set(kernel.name, module);
    }
    const { pipeline } = this.#layout(kernel.buffers);
    return { label: keyOf(kernel.name, constants), layout: pipeline, compute: { module, constants: { ...constants } } };
  }
}

function keyOf(name: KernelName, constants: Constants): string {
  return `${name} ${Object.entries(constants).map(([k, v]) => `${k}=${v}`)}`;
}

/** Bytes between the uniforms of two dispatches: what every adapter aligns to. */
export const paramStride = 256;

/** Writes a kernel's parameters in the order of its struct. @param at in bytes */
export function writeParams(
  target: DataView,
  at: number,
  name: KernelName,
  values: Readonly<Record<string, number>>,
): void {
  kernels[name].params.forEach((field, i) => {
    const value = values[field.name];
    if (value === undefined) throw new Error(`${name}: parameter ${field.name} is missing`);
    if (field.float) target.setFloat32(at + 4 * i, value, true);
    else target.setInt32(at + 4 * i, value, true);
  });
}

export function uniformBuffer(device: GPUDevice, bytes: number): GPUBuffer {
  return device.createBuffer({ size: bytes, usage: usage.uniform | usage.copyTarget });
}
