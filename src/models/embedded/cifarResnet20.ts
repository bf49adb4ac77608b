import { fromBase64 } from "../../platform/base64.ts";

/** The bytes of cifar-resnet20.safetensors, the model that comes with the package. Loaded only when somebody asks for it. */
export async function embeddedCifarResnet20(): Promise<Uint8Array> {
  return fromBase64((await import("./generated/cifar-resnet20.ts")).default);
}
