import { CifarResNet, pretrained } from "resnet-ts";

/** The network that comes with the library. */
export async function embeddedNetwork(): Promise<CifarResNet> {
  const net = await pretrained("cifar_resnet20");
  if (!(net instanceof CifarResNet)) throw new Error("The embedded network is of another family.");
  return net;
}
