import {
  ArgumentError,
  DisposedError,
  DownloadError,
  FileAccessError,
  FileFormatError,
  OutOfMemoryError,
  ResNetError,
  ShapeError,
  StateDictError,
  UnknownNameError,
} from "../errors.ts";

/** An error on its way between threads: its class would be lost, and a cause may be something that cannot be sent. */
export interface Fault {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** By code: a bundler may call the classes something else on each side. */
const classes: Readonly<Record<string, { readonly name: string; readonly prototype: ResNetError }>> = {
  ERR_ARGUMENT: ArgumentError,
  ERR_DISPOSED: DisposedError,
  ERR_DOWNLOAD: DownloadError,
  ERR_FILE_ACCESS: FileAccessError,
  ERR_FILE_FORMAT: FileFormatError,
  ERR_OUT_OF_MEMORY: OutOfMemoryError,
  ERR_RESNET: ResNetError,
  ERR_SHAPE: ShapeError,
  ERR_STATE_DICT: StateDictError,
  ERR_UNKNOWN_NAME: UnknownNameError,
};

export function toFault(error: unknown): Fault {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: undefined, fields: {} };
  const { name, message, stack, cause, ...rest } = error;
  const fields: Record<string, unknown> = { ...rest };
  if (error.cause !== undefined) fields.cause = String(error.cause);
  return { name, message, stack, fields: plain(fields) };
}

/** Only what survives the way: words, numbers, lists of them. */
const plain = (fields: Record<string, unknown>) => JSON.parse(JSON.stringify(fields)) as Record<string, unknown>;

/** The same error on this side: of the same class, where it is one of the library's. */
export function fromFault({ name, message, stack, fields }: Fault): Error {
  const known = classes[String(fields.code)];
  const error = new Error(message);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  const given = { ...fields, name: known?.name ?? name, ...(stack === undefined ? {} : { stack }) };
  for (const [key, value] of Object.entries(given)) {
    Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: key !== "stack" });
  }
  return error;
}
