import { requestGpu } from "#platform";
import { ResNetError } from "../../errors.ts";

/** Usage flags, as the specification numbers them: the globals that name them do not exist in Node. */
export const usage = {
  mapRead: 1,
  copySource: 4,
  copyTarget: 8,
  uniform: 64,
  storage: 128,
  queryResolve: 512,
} as const;

/**
 * Where to use Winograd: where it was found to be faster (`"timed"`), from 64 channels on, as is known of software adapters (`"wide"`), or
 * always, which tests ask for.
 */
export type Winograd = "timed" | "wide" | "always" | "never";

export interface WebGpuOptions {
  /** Where adapters come from; `navigator.gpu` by default, in Node the optional package `webgpu`. */
  readonly gpu?: GPU;
  /** Takes software adapters too. */
  readonly fallback?: boolean;
  /** Fixes the convolution kernel instead of timing both: for tests. */
  readonly tile?: "registers" | "shared";
  /** Where Winograd computes convolutions; when left out, a compiled network times each shape, unless the adapter is software. */
  readonly winograd?: Winograd;
}

export interface OpenedDevice {
  /** Kept because Dawn in Node tears everything down, with a crash, when this object is collected. */
  readonly gpu: GPU;
  readonly device: GPUDevice;
  /** For people: vendor, architecture and description as far as the browser tells. */
  readonly adapter: string;
  readonly software: boolean;
}

const wantedFeatures: readonly GPUFeatureName[] = ["shader-f16", "timestamp-query"];
const wantedLimits = ["maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage"] as const;

/** A device with the largest buffers that the adapter has. @throws ResNetError where there is no adapter */
export async function openDevice({ gpu: given, fallback = true }: WebGpuOptions): Promise<OpenedDevice> {
  const gpu = given ?? (await requestGpu());
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new ResNetError("WebGPU: this machine offers no adapter (no graphics card that the browser trusts)", {
      code: "ERR_NO_WEBGPU",
    });
  }
  const { vendor, architecture, device: model, description, isFallbackAdapter } = adapter.info;
  const names = [vendor, architecture, model, description].filter((part) => part !== "");
  const name = [...new Set(names)].join(" ") || "an adapter without a name";
  const software = isFallbackAdapter === true;
  if (software && !fallback) {
    throw new ResNetError(`WebGPU: only a software adapter is here (${name}), which is slower than wasm`, {
      code: "ERR_NO_WEBGPU",
    });
  }
  const requiredLimits = Object.fromEntries(wantedLimits.map((limit) => [limit, adapter.limits[limit]]));
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature));
  return { gpu, device: await adapter.requestDevice({ requiredLimits, requiredFeatures }), adapter: name, software };
}
