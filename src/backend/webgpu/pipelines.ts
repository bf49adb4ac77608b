import { usage } from "./device.ts";
import { heads, type Kernel, type KernelName, kernels, type Numbers } from "./kernels/index.ts";

/** Values of a kernel's `override` constants. */
export type Constants = Readonly<Record<string, number>>;

/** The part of a dispatch that names a pipeline. */
export interface Wanted {
  readonly kernel: KernelName;
  readonly constants: Constants;
  readonly numbers?: Numbers;
}

/** Compute pipelines by kernel and constants, made once. Dimensions are uniforms, so a whole network needs about a dozen. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #layouts = new Map<number, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();
  readonly #made = new Map<string, GPUComputePipeline>();
  readonly #coming = new Map<string, Promise<void>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get(what: Wanted): GPUComputePipeline {
    const key = keyOf(what);
    let pipeline = this.#made.get(key);
    if (pipeline === undefined) {
      pipeline = this.#device.createComputePipeline(this.#describe(what, key));
      this.#made.set(key, pipeline);
    }
    return pipeline;
  }

  /** Makes a pipeline beside others that are being made. */
  async prepare(what: Wanted): Promise<void> {
    const key = keyOf(what);
    if (this.#made.has(key)) return;
    let coming = this.#coming.get(key);
    if (coming === undefined) {
      coming = this.#device.createComputePipelineAsync(this.#describe(what, key)).then((pipeline) => {
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

  #describe({ kernel: name, numbers = "f32", constants }: Wanted, label: string): GPUComputePipelineDescriptor {
    const kernel: Kernel = kernels[name];
    const text = `${name} ${numbers}`;
    let module = this.#modules.get(text);
    if (module === undefined) {
      module = this.#device.createShaderModule({ code: heads[numbers] + kernel.code, label: text });
      this.#modules.set(text, module);
    }
    const { pipeline } = this.#layout(kernel.buffers.length);
    return { label, layout: pipeline, compute: { module, constants: { ...constants } } };
  }
}

function keyOf({ kernel, numbers = "f32", constants }: Wanted): string {
  return `${kernel} ${numbers} ${Object.entries(constants).map(([k, v]) => `${k}=${v}`)}`;
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
