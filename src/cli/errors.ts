import { ResNetError, StateDictError } from "../errors.ts";

/** An error as one line for people. */
export function describe(error: unknown): string {
  if (error instanceof StateDictError) return `error: ${shortened(error)}`;
  if (error instanceof ResNetError) return `error: ${inOptions(error.message).replace(/\s*\n\s*/g, "; ")}`;
  if (error instanceof Error)
    return `error: ${error.name === "Error" ? "" : `${error.name}: `}${error.message.split("\n")[0]}`;
  return `error: ${String(error)}`;
}

/** The library's advice in the command's words. */
const inOptions = (message: string): string =>
  message
    .replace("{ allowNonCommercial: true }", "--allow-non-commercial")
    .replace("the option `key`", "--key of `resnet-ts convert`");

/** A checkpoint of another network differs in hundreds of keys: the first of each kind say enough. */
function shortened({ message, missing, unexpected, misshapen }: StateDictError): string {
  const some = (what: string, names: readonly string[]): string[] => {
    if (names.length === 0) return [];
    const shown = names.slice(0, 3).join(", ");
    return [`${names.length} ${what} (${shown}${names.length > 3 ? ", …" : ""})`];
  };
  const shapes = misshapen.map((m) => `${m.name} is [${m.found}] and should be [${m.expected}]`);
  const parts = [...some("missing", missing), ...some("unexpected", unexpected), ...some("misshapen", shapes)];
  return `${message.split("\n")[0]}: ${parts.join("; ")}`;
}
