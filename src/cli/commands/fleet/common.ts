import { type OptionSpec, text, UsageError, type Values } from "../../command.ts";

/** What every fleet command takes. */
export const redisOption: Readonly<Record<string, OptionSpec>> = {
  redis: {
    type: "string",
    value: "URL",
    help: "redis://[:password@]host:port; REDIS_URL by default, or this machine's Redis",
  },
};

/** The fleet's rooms are loaded by the command that needs them: bullmq is no part of the others. */
export const loadFleet = (): Promise<typeof import("../../../fleet/index.ts")> => import("../../../fleet/index.ts");

/** The connection's options; notes go to standard error. */
export function looking(values: Values): { redis?: string; onNote: (note: string) => void } {
  const redis = text(values, "redis") ?? process.env.REDIS_URL;
  return { ...(redis === undefined || redis === "" ? {} : { redis }), onNote: (note) => console.error(note) };
}

/** @throws UsageError where bits would depend on the machine */
export function strictOnly(values: Values): void {
  if (values.relaxed === true || (text(values, "backend") ?? "wasm") !== "wasm") {
    throw new UsageError(
      "a fleet computes in strict mode on the wasm backend only: its results are the same bits everywhere",
    );
  }
}

/** The one name among the positionals, and what stands behind it. @throws UsageError */
export function nameFirst(command: string, [name, ...rest]: readonly string[]): { name: string; rest: string[] } {
  if (name === undefined) throw new UsageError(`${command} needs the name of a job`);
  return { name, rest };
}
