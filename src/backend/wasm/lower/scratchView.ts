import { numel, type Shape } from "../../../tensor/shape.ts";
import type { Storage } from "../../../tensor/storage.ts";
import type { View } from "../../backend.ts";
import type { LowerContext } from "./context.ts";

/** A view on scratch memory, for lowerings that are made of other lowerings. */
export function scratchView(context: LowerContext, shape: Shape): View {
  return { storage: { handle: context.scratch(numel(shape)) } as unknown as Storage, shape };
}
