import { availableParallelism } from "node:os";
import { type InitOptions, init } from "../init.ts";
import { count, text, type Values } from "./command.ts";

/** Loads the backend that the options ask for. */
export async function start(values: Values): Promise<void> {
  const backend = text(values, "backend");
  await init({
    ...(backend === undefined ? {} : { backend: backend as NonNullable<InitOptions["backend"]> }),
    threads: count(values, "threads", Math.min(availableParallelism(), 256)),
    relaxed: values.relaxed === true,
  });
}
