import { nearest } from "./nearest.ts";

/** What every error of this library is. `code` is stable and meant for programs; `message` is meant for people. */
export class ResNetError extends Error {
  readonly code: string;

  constructor(message: string, options: { code?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code ?? "ERR_RESNET";
  }
}

/** An argument or an option has a value that cannot be used. */
export class ArgumentError extends ResNetError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, { code: "ERR_ARGUMENT", ...options });
  }
}

/** Shapes do not fit. `op` is the name of the operation that found out. */
export class ShapeError extends ResNetError {
  readonly op: string;

  constructor(op: string, message: string) {
    super(`${op}: ${message}`, { code: "ERR_SHAPE" });
    this.op = op;
  }
}

/** A file is not what it should be. `file` names it; the message starts with it. */
export class FileFormatError extends ResNetError {
  readonly file: string;

  constructor(file: string, message: string, options: { code?: string; cause?: unknown } = {}) {
    super(`${file}: ${message}`, { code: "ERR_FILE_FORMAT", ...options });
    this.file = file;
  }
}

/** A file could not be read or written: not there, no permission, or it ended early while it was read. */
export class FileAccessError extends ResNetError {
  readonly file: string;

  constructor(file: string, message: string, options: { cause?: unknown } = {}) {
    super(`${file}: ${message}`, { code: "ERR_FILE_ACCESS", ...options });
    this.file = file;
  }
}

/** A download failed. `url` is what was asked for; `status` is the HTTP status where there was one. */
export class DownloadError extends ResNetError {
  readonly url: string;
  readonly status: number | undefined;

  constructor(url: string, message: string, options: { code?: string; status?: number; cause?: unknown } = {}) {
    super(`${url}: ${message}`, { code: options.code ?? "ERR_DOWNLOAD", cause: options.cause });
    this.url = url;
    this.status = options.status;
  }
}

/** A parameter whose shape in the checkpoint is not the network's. */
export interface Misshapen {
  readonly name: string;
  readonly expected: readonly number[];
  readonly found: readonly number[];
}

/** A checkpoint does not fit a network. All differences are listed, and nothing was changed. */
export class StateDictError extends ResNetError {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly misshapen: readonly Misshapen[];

  constructor(
    subject: string,
    difference: { missing?: readonly string[]; unexpected?: readonly string[]; misshapen?: readonly Misshapen[] },
  ) {
    const { missing = [], unexpected = [], misshapen = [] } = difference;
    const shape = (s: readonly number[]) => `[${s.join(", ")}]`;
    const lines = [`${subject} does not fit the checkpoint`];
    if (missing.length > 0) lines.push(`missing (${missing.length}): ${missing.join(", ")}`);
    if (unexpected.length > 0) lines.push(`unexpected (${unexpected.length}): ${unexpected.join(", ")}`);
    if (misshapen.length > 0) {
      const each = misshapen.map((m) => `${m.name} expected ${shape(m.expected)}, found ${shape(m.found)}`);
      lines.push(`misshapen (${misshapen.length}): ${each.join("; ")}`);
    }
    super(lines.join("\n  "), { code: "ERR_STATE_DICT" });
    this.missing = missing;
    this.unexpected = unexpected;
    this.misshapen = misshapen;
  }
}

/** Memory could not be had. `asked` and `used` are bytes; `used` where it is known. */
export class OutOfMemoryError extends ResNetError {
  readonly asked: number;
  readonly used: number | undefined;

  constructor(what: string, memory: { asked: number; used?: number; cause?: unknown }) {
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    const inUse = memory.used === undefined ? "" : ` with ${mib(memory.used)} in use`;
    super(`${what}: out of memory: asked for ${mib(memory.asked)}${inUse}`, {
      code: "ERR_OUT_OF_MEMORY",
      cause: memory.cause,
    });
    this.asked = memory.asked;
    this.used = memory.used;
  }
}

/** Something was used after `dispose()`. */
export class DisposedError extends ResNetError {
  constructor(what: string, hint = "") {
    super(`${what} was disposed and cannot be used any more${hint}`, { code: "ERR_DISPOSED" });
  }
}

/** A name that is not in a list: of models, of options, of layers. `suggestion` is the nearest that is. */
export class UnknownNameError extends ResNetError {
  readonly suggestion: string | undefined;

  /** @param kind what the name should name, e.g. `"model"` */
  constructor(kind: string, name: string, candidates: Iterable<string>) {
    const all = [...candidates];
    const suggestion = nearest(name, all);
    const known = all.length <= 40 ? ` (known: ${all.join(", ")})` : "";
    const hint = suggestion === undefined ? known : `; did you mean ${JSON.stringify(suggestion)}?`;
    super(`unknown ${kind} ${JSON.stringify(name)}${hint}`, { code: "ERR_UNKNOWN_NAME" });
    this.suggestion = suggestion;
  }
}
