import { ResNetError } from "../errors.ts";

/** Why the fleet cannot do what it was asked for. `code` tells the kinds apart. */
export class FleetError extends ResNetError {
  constructor(message: string, options: { code?: FleetCode; cause?: unknown } = {}) {
    super(message, { code: "ERR_FLEET", ...options });
  }
}

/** The kinds of a {@link FleetError}. */
export type FleetCode =
  | "ERR_FLEET"
  /** Redis is away, is none, or is too old. */
  | "ERR_REDIS"
  | "ERR_REDIS_PASSWORD"
  | "ERR_MISSING_PACKAGE"
  | "ERR_NO_JOB"
  | "ERR_MISSING_MODEL"
  /** The weights here are not the job's, or this machine computes other bits. */
  | "ERR_OTHER_MODEL"
  | "ERR_OTHER_SETTINGS"
  | "ERR_OTHER_PICTURES"
  /** The output folder is full, read-only, or no folder. */
  | "ERR_OUTPUT"
  /** This machine cannot fetch pictures: its credentials are refused, or a package is missing. */
  | "ERR_FETCH"
  | "ERR_NOT_FINISHED";

/** A job of that name has other settings. */
export class OtherSettingsError extends FleetError {
  readonly differences: readonly { readonly setting: string; readonly job: string; readonly here: string }[];

  constructor(name: string, differences: OtherSettingsError["differences"]) {
    const list = differences.map(({ setting, job, here }) => `${setting} is ${job} there and ${here} here`).join("; ");
    super(`job ${JSON.stringify(name)} exists with other settings: ${list}; choose another name`, {
      code: "ERR_OTHER_SETTINGS",
    });
    this.differences = differences;
  }
}

/** What an error says, without the stack. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
