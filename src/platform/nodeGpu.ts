import { ResNetError } from "../errors.ts";

/** An optional peer: Dawn, the WebGPU of Chromium, for Node. Named by a variable so that bundlers leave it alone. */
const dawn: string = "webgpu";

/** Where WebGPU adapters come from: the runtime's own (Deno), else the package `webgpu`. @throws ResNetError without either */
export async function requestGpu(): Promise<GPU> {
  const here = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (here !== undefined) return here;
  try {
    const { create } = (await import(dawn)) as { create(options: string[]): GPU };
    return create([]);
  } catch (cause) {
    throw new ResNetError("WebGPU: Node has it from the package `webgpu`; install it with `npm install webgpu`", {
      code: "ERR_NO_WEBGPU",
      cause,
    });
  }
}
