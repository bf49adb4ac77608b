import { FleetError } from "./errors.ts";

/** Optional packages are loaded when they are needed; the one that is missing is named. */
async function load<T>(names: readonly string[], purpose: string, from: () => Promise<T>): Promise<T> {
  try {
    return await from();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    const which = names.length === 1 ? `package ${names[0]}` : `packages ${names.join(" and ")}`;
    throw new FleetError(`${purpose} needs the ${which}, which must be installed: npm install ${names.join(" ")}`, {
      code: "ERR_MISSING_PACKAGE",
      cause,
    });
  }
}

const queue = ["bullmq", "ioredis"];

export const loadBullMq = (): Promise<typeof import("bullmq")> => load(queue, "the job queue", () => import("bullmq"));

export const loadRedis = (): Promise<{ readonly Redis: typeof import("ioredis").Redis }> =>
  load(queue, "the job queue", () => import("ioredis"));

export const loadAws = (): Promise<typeof import("aws4fetch")> =>
  load(["aws4fetch"], "signing requests to S3", () => import("aws4fetch"));
