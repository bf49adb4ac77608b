import { type ParseArgsConfig, parseArgs } from "node:util";
import { UnknownNameError } from "../errors.ts";

/** How a command is used wrongly; the command exits with 2 and points to its help. */
export class UsageError extends Error {}

export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** What the value is, in help: `--weights FILE`. */
  readonly value?: string;
  readonly help: string;
}

export type Values = Readonly<Record<string, string | boolean | undefined>>;

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What stands after the name, e.g. `[options] [PICTURE…]`. */
  readonly usage: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Common options that mean nothing to this command: they are not in its help. */
  readonly without?: readonly string[];
  readonly examples: readonly string[];
  /** @returns the exit code */
  run(values: Values, positionals: readonly string[]): Promise<number>;
}

/** What every command takes. */
export const commonOptions: Readonly<Record<string, OptionSpec>> = {
  json: {
    type: "boolean",
    help: "print JSON on standard output: one object, where there are many pictures one a line",
  },
  backend: { type: "string", value: "NAME", help: "wasm (default), webgpu, js, or auto" },
  threads: { type: "string", value: "N", help: "threads of the wasm backend; one for each core by default" },
  relaxed: { type: "boolean", help: "use relaxed SIMD where there is: faster, bits depend on the CPU" },
  debug: { type: "boolean", help: "print stacks of errors (also with DEBUG in the environment)" },
  help: { type: "boolean", short: "h", help: "print this" },
};

/** A command's own options first; its word on a common one counts. */
const optionsOf = ({ options }: Command): Record<string, OptionSpec> => ({ ...options, ...commonOptions, ...options });

/** Parses a command's arguments. @throws UsageError, UnknownNameError with the nearest option */
export function parse(command: Command, args: readonly string[]): { values: Values; positionals: readonly string[] } {
  const specs = optionsOf(command);
  const options: NonNullable<ParseArgsConfig["options"]> = {};
  for (const [name, { type, short }] of Object.entries(specs)) {
    options[name] = short === undefined ? { type } : { type, short };
  }
  for (const arg of args) {
    if (arg === "--") break;
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name !== undefined && !Object.hasOwn(specs, name))
      throw new UnknownNameError("option", `--${name}`, flags(specs));
  }
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    if (positionals.includes("")) throw new UsageError("an empty word was given (a variable that is not set?)");
    return { values: values as Values, positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split("\n")[0]! : String(error));
  }
}

const flags = (specs: Readonly<Record<string, OptionSpec>>): string[] => Object.keys(specs).map((name) => `--${name}`);

/** A command's own help. */
export function help(command: Command): string {
  const line = ([name, spec]: [string, OptionSpec]): [string, string] => [
    `${spec.short === undefined ? "" : `-${spec.short}, `}--${name}${spec.value === undefined ? "" : ` ${spec.value}`}`,
    spec.help,
  ];
  const rows = Object.entries(optionsOf(command))
    .filter(([name]) => !command.without?.includes(name))
    .map(line);
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return [
    `${command.summary}`,
    "",
    `usage: resnet-ts ${command.name} ${command.usage}`,
    "",
    "options:",
    ...rows.map(([flag, text]) => `  ${flag.padEnd(width)}  ${text}`),
    "",
    "examples:",
    ...command.examples.map((example) => `  ${example}`),
  ].join("\n");
}

/** A whole number of at least `least`, or the default. @throws UsageError */
export function count(values: Values, name: string, preset: number, least = 1): number {
  const text = values[name];
  if (text === undefined) return preset;
  const n = Number(text);
  if (!Number.isInteger(n) || n < least || String(text).trim() === "") {
    throw new UsageError(`--${name} must be a whole number of at least ${least}, got ${JSON.stringify(text)}`);
  }
  return n;
}

/** A finite number of at least 0, or the default. @throws UsageError */
export function number(values: Values, name: string, preset: number): number {
  const text = values[name];
  if (text === undefined) return preset;
  const n = Number(text);
  if (!(n >= 0 && Number.isFinite(n)) || String(text).trim() === "") {
    throw new UsageError(`--${name} must be a number of at least 0, got ${JSON.stringify(text)}`);
  }
  return n;
}

/** @throws UsageError where a command that takes no words got some */
export function noWords(command: string, words: readonly string[]): void {
  if (words.length > 0) throw new UsageError(`${command} takes options only, got ${JSON.stringify(words[0])}`);
}

/** An option's text. @throws UsageError where that is empty, as where a shell's variable is not set */
export function text(values: Values, name: string): string | undefined {
  const value = values[name];
  if (value === "") throw new UsageError(`--${name} has an empty value`);
  return typeof value === "string" ? value : undefined;
}

export const workersOption: OptionSpec = {
  type: "string",
  value: "N",
  help: "threads that decode pictures beside training, to the same bits; by default none for data in one file, 1 for small picture files, one for each core (4 at most) for larger ones",
};
