import type { Command } from "../../command.ts";
import { fleetRemove } from "./remove.ts";
import { fleetResults } from "./results.ts";
import { fleetStatus } from "./status.ts";
import { fleetSubmit } from "./submit.ts";
import { fleetVerify } from "./verify.ts";
import { fleetWork } from "./work.ts";

/** `resnet-ts fleet …`, in the order in which they are used. */
export const fleetCommands: readonly Command[] = [
  fleetSubmit,
  fleetWork,
  fleetStatus,
  fleetResults,
  fleetVerify,
  fleetRemove,
];
