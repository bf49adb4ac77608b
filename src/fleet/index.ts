/**
 * `resnet-ts/fleet`: a job queue for more pictures than one machine should label, on BullMQ and Redis. Node only; needs the packages
 * bullmq and ioredis (and aws4fetch for signed S3 addresses).
 */
export type { CheckModelOptions } from "./checkModel.ts";
export { type FleetCode, FleetError, OtherSettingsError } from "./errors.ts";
export type { FailedPicture } from "./records.ts";
export { remove } from "./remove.ts";
export { type ResultsOptions, results } from "./results.ts";
export type { ChunkEvent, Tally } from "./runQueue.ts";
export { failures, jobNames, type LookOptions, type Status, status } from "./status.ts";
export { type SubmitOptions, type Submitted, submit } from "./submit.ts";
export { type Verified, type VerifyOptions, verify } from "./verify.ts";
export { type WorkOptions, work } from "./work.ts";
