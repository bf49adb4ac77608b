#!/usr/bin/env node
import { ArgumentError, UnknownNameError } from "../errors.ts";
import { type Command, help, parse, UsageError } from "./command.ts";
import { bench } from "./commands/bench.ts";
import { classify } from "./commands/classify.ts";
import { convert } from "./commands/convert.ts";
import { embed } from "./commands/embed.ts";
import { evaluate } from "./commands/evaluate.ts";
import { explain } from "./commands/explain.ts";
import { finetune } from "./commands/finetune.ts";
import { fleetCommands } from "./commands/fleet/index.ts";
import { models } from "./commands/models.ts";
import { summary } from "./commands/summary.ts";
import { train } from "./commands/train.ts";
import { describe } from "./errors.ts";
import { packageVersion } from "./packageFile.ts";

const plain: readonly Command[] = [
  classify,
  embed,
  explain,
  evaluate,
  summary,
  models,
  convert,
  train,
  finetune,
  bench,
];
const commands: readonly Command[] = [...plain, ...fleetCommands];

function overview(title: string, commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    title,
    "",
    "usage: resnet-ts COMMAND [options]",
    "",
    "commands:",
    ...commands.map(({ name, summary: line }) => `  ${name.padEnd(width)}  ${line}`),
    "",
    "`resnet-ts COMMAND --help` explains one; --version prints this package's version. Exit codes: 0 done, 1 failed, 2 used wrongly.",
    "",
    "examples:",
    ...commands.map(({ examples }) => `  ${examples[0]}`),
  ].join("\n");
}

/** A command's name is one word, or two: `fleet submit`. */
function find([first, second]: readonly string[]): Command | undefined {
  return commands.find(({ name }) => name === first) ?? commands.find(({ name }) => name === `${first} ${second}`);
}

const isHelp = (word: string | undefined): boolean =>
  word === undefined || word === "--help" || word === "-h" || word === "help";

async function main(words: readonly string[]): Promise<number> {
  const [name, second] = words;
  if (name === "--version" || name === "-V") {
    console.log(packageVersion());
    return 0;
  }
  // `help classify` is `classify --help`.
  if (name === "help" && second !== undefined && !isHelp(second)) return main([...words.slice(1), "--help"]);
  if (name === undefined || isHelp(name)) {
    console.log(overview("Residual networks: classify pictures, measure accuracy, look inside.", commands));
    return name === undefined ? 2 : 0;
  }
  if (name === "fleet" && isHelp(second)) {
    console.log(overview("Label more pictures than one machine should: a queue on Redis, and workers.", fleetCommands));
    return second === undefined ? 2 : 0;
  }
  const command = find(words);
  if (command === undefined && name === "fleet") {
    const known = fleetCommands.map((c) => c.name.slice("fleet ".length));
    throw new UnknownNameError("fleet command", second ?? "", known);
  }
  if (command === undefined) throw new UnknownNameError("command", name, [...plain.map((c) => c.name), "fleet"]);
  const args = words.slice(command.name.split(" ").length);
  if (args.includes("--help") || args.includes("-h")) {
    console.log(help(command));
    return 0;
  }
  const { values, positionals } = parse(command, args);
  return command.run(values, positionals);
}

// A reader that goes away (`| head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  console.error(`error: standard output cannot be written: ${error.message}`);
  process.exit(1);
});

// What nobody hears any more (a terminal that was closed) must not end a training.
process.stderr.on("error", () => {});

const args = process.argv.slice(2);
try {
  process.exitCode = await main(args);
} catch (error) {
  console.error(describe(error));
  if (args.includes("--debug") || process.env.DEBUG) console.error(error instanceof Error ? error.stack : error);
  const usage = error instanceof UsageError || error instanceof UnknownNameError || error instanceof ArgumentError;
  if (usage)
    console.error(`see resnet-ts ${find(args)?.name.concat(" ") ?? (args[0] === "fleet" ? "fleet " : "")}--help`);
  process.exitCode = usage ? 2 : 1;
}
