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
  /** Which of the library's classes. */
  readonly kind: Kind | undefined;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** By words of our own: a bundler may call the classes something else on each side. The one that all are of comes last. */
const classes = {
  argument: ArgumentError,
  disposed: DisposedError,
  download: DownloadError,
  fileAccess: FileAccessError,
  fileFormat: FileFormatError,
  outOfMemory: OutOfMemoryError,
  shape: ShapeError,
  stateDict: StateDictError,
  unknownName: UnknownNameError,
  any: ResNetError,
};
type Kind = keyof typeof classes;

export function toFault(error: unknown): Fault {
  if (!(error instanceof Error)) {
    return { kind: undefined, name: "Error", message: String(error), stack: undefined, fields: {} };
  }
  const kind = (Object.keys(classes) as Kind[]).find((word) => error instanceof classes[word]);
  const { name, message, stack, cause, ...rest } = error;
  const fields: Record<string, unknown> = { ...rest };
  if (error.cause !== undefined) fields.cause = String(error.cause);
  return { kind, name, message, stack, fields: plain(fields) };
}

/** Only what survives the way: words, numbers, lists of them. */
const plain = (fields: Record<string, unknown>) => JSON.parse(JSON.stringify(fields)) as Record<string, unknown>;

/** The same error on this side: of the same class, where it is one of the library's. */
export function fromFault({ kind, name, message, stack, fields }: Fault): Error {
  const known = kind && classes[kind];
  const error = new Error(message);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  const given = { ...fields, name: known?.name ?? name, ...(stack === undefined ? {} : { stack }) };
  for (const [key, value] of Object.entries(given)) {
    Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: key !== "stack" });
  }
  return error;
}
