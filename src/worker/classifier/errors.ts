import { ResNetError } from "../../errors.ts";

/** A call was dropped because a newer picture came before its turn (`latestOnly`). Not a failure: skip the frame. */
export class DroppedError extends ResNetError {
  constructor() {
    super("dropped: a newer picture came before this one's turn (latestOnly)", { code: "ERR_DROPPED" });
  }
}

/** The worker of a classifier could not be started, or ended. The next call starts a new one. */
export class WorkerError extends ResNetError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: "ERR_WORKER", cause });
  }
}
