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

const classes = {
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
  const known = Object.entries(classes).find(([key]) => key === name)?.[1];
  const error = new Error(message);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  const given = { ...fields, name, ...(stack === undefined ? {} : { stack }) };
  for (const [key, value] of Object.entries(given)) {
    Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: key !== "stack" });
  }
  return error;
}
