/** The bytes of cifar-resnet20.safetensors, the model that comes with the package. Loaded only when somebody asks for it. */
export async function embeddedCifarResnet20(): Promise<Uint8Array> {
  const { default: text } = await import("./generated/cifar-resnet20.ts");
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
