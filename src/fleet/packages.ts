import { FleetError } from "./errors.ts";

/** Optional packages are loaded when they are needed; the one that is missing is named. */
async function load<T>(name: string, purpose: string, from: () => Promise<T>): Promise<T> {
  try {
    return await from();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new FleetError(`${purpose} needs the package ${name}, which is not installed: npm install ${name}`, {
      code: "ERR_MISSING_PACKAGE",
      cause,
    });
  }
}

export const loadBullMq = (): Promise<typeof import("bullmq")> =>
  load("bullmq ioredis", "the job queue", () => import("bullmq"));

export const loadRedis = (): Promise<{ readonly Redis: typeof import("ioredis").Redis }> =>
  load("bullmq ioredis", "the job queue", () => import("ioredis"));

export const loadAws = (): Promise<typeof import("aws4fetch")> =>
  load("aws4fetch", "signing requests to S3", () => import("aws4fetch"));
