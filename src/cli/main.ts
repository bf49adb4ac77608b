#!/usr/bin/env node
import { ArgumentError, UnknownNameError } from "../errors.ts";
import { type Command, help, parse, UsageError } from "./command.ts";
import { classify } from "./commands/classify.ts";
import { convert } from "./commands/convert.ts";
import { embed } from "./commands/embed.ts";
import { evaluate } from "./commands/evaluate.ts";
import { explain } from "./commands/explain.ts";
import { models } from "./commands/models.ts";
import { summary } from "./commands/summary.ts";
import { train } from "./commands/train.ts";
import { describe } from "./errors.ts";

const commands: readonly Command[] = [classify, embed, explain, evaluate, summary, models, convert, train];

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "Residual networks: classify pictures, measure accuracy, look inside.",
    "",
    "usage: resnet-ts COMMAND [options]",
    "",
    "commands:",
    ...commands.map(({ name, summary: line }) => `  ${name.padEnd(width)}  ${line}`),
    "",
    "`resnet-ts COMMAND --help` explains one. Exit codes: 0 done, 1 failed, 2 used wrongly.",
    "",
    "examples:",
    ...commands.map(({ examples }) => `  ${examples[0]}`),
  ].join("\n");
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    console.log(overview());
    return name === undefined ? 2 : 0;
  }
  const command = commands.find((c) => c.name === name);
  if (command === undefined)
    throw new UnknownNameError(
      "command",
      name,
      commands.map((c) => c.name),
    );
  if (args.includes("--help") || args.includes("-h")) {
    console.log(help(command));
    return 0;
  }
  const { values, positionals } = parse(command, args);
  return command.run(values, positionals);
}

// A reader that goes away (`| head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

const args = process.argv.slice(2);
try {
  process.exitCode = await main(args);
} catch (error) {
  console.error(describe(error));
  if (args.includes("--debug") || process.env.DEBUG) console.error(error instanceof Error ? error.stack : error);
  const usage = error instanceof UsageError || error instanceof UnknownNameError || error instanceof ArgumentError;
  if (usage) console.error(`see resnet-ts ${commands.some((c) => c.name === args[0]) ? `${args[0]} ` : ""}--help`);
  process.exitCode = usage ? 2 : 1;
}
