import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { FileAccessError } from "../../../errors.ts";
import { OtherSettingsError } from "../../../fleet/errors.ts";
import { parseLabels } from "../../../vision/labels/labels.ts";
import { type Command, count, text, UsageError } from "../../command.ts";
import { fetching, networkOptions } from "../../network.ts";
import { loadFleet, looking, redisOption, strictOnly } from "./common.ts";

export const fleetSubmit: Command = {
  name: "fleet submit",
  summary: "Queue the pictures of a folder, a pattern, a list or a bucket for the workers of a fleet.",
  usage: "--job NAME [options] FOLDER | PATTERN | LIST | s3://BUCKET/PREFIX/ | -",
  without: ["backend", "relaxed", "threads"],
  options: {
    ...redisOption,
    job: { type: "string", value: "NAME", help: "the job's name; the same name again goes on where it stopped" },
    ...networkOptions,
    embed: { type: "boolean", help: "feature vectors instead of classes" },
    top: { type: "string", short: "k", value: "N", help: "classes for each picture; 5 by default" },
    chunk: { type: "string", value: "N", help: "pictures in a chunk; 64, or 256 for networks of small pictures" },
    again: { type: "boolean", help: "try again what was given up in a job that was submitted before" },
    attempts: { type: "string", value: "N", help: "tries for a picture that cannot be fetched; 5 by default" },
  },
  examples: [
    "resnet-ts fleet submit /data/birds --job birds --model resnet50 --redis redis://queue:6379",
    "find /data -name '*.jpg' | resnet-ts fleet submit - --job all --embed",
    "resnet-ts fleet submit s3://pictures/2024/ --job year --model resnet18",
  ],
  async run(values, positionals) {
    strictOnly(values);
    const job = text(values, "job");
    if (job === undefined) throw new UsageError("fleet submit needs --job NAME");
    if (positionals.length === 0)
      throw new UsageError("fleet submit needs a folder, a pattern, a list, or - for a list on standard input");
    const [model, weights, labels] = ["model", "weights", "labels"].map((name) => text(values, name));
    // Node 26 lets its young generation grow as long as garbage comes, 30 to 50 MB for a million references; kept small, they take a fifth more time.
    if (!("bun" in process.versions)) setFlagsFromString("--semi-space-growth-factor=1");
    const { submit } = await loadFleet();
    const { isTTY } = process.stderr;
    const chunk = values.chunk === undefined ? {} : { chunk: count(values, "chunk", 0) };
    try {
      const done = await submit({
        ...looking(values),
        job,
        inputs: positionals,
        ...(model === undefined ? {} : { model }),
        ...(weights === undefined ? {} : { weights }),
        ...(labels === undefined ? {} : { labels: parseLabels(read(labels), labels) }),
        ...chunk,
        embed: values.embed === true,
        again: values.again === true,
        top: count(values, "top", 5),
        attempts: count(values, "attempts", 5),
        fetch: fetching(values),
        onProgress: (pictures) => {
          if (isTTY) process.stderr.write(`\r\x1b[Ksubmit ${job} ${pictures.toLocaleString("en-US")} pictures`);
        },
      });
      if (isTTY) process.stderr.write("\r\x1b[K");
      if (values.json) console.log(JSON.stringify(done));
      else {
        const n = (value: number): string => value.toLocaleString("en-US");
        const news =
          done.added === done.chunks
            ? ""
            : `, ${n(done.added)} of them ${values.again === true ? "again or new" : "new"}`;
        console.log(
          `job ${job}: ${n(done.pictures)} pictures in ${n(done.chunks)} chunks${news}; model ${done.hash.slice(0, 16)}`,
        );
      }
      return 0;
    } catch (error) {
      if (error instanceof OtherSettingsError) console.error(table(error));
      throw error;
    }
  },
};

function table({ differences }: OtherSettingsError): string {
  const rows = [["setting", "of the job", "asked for now"], ...differences.map((d) => [d.setting, d.job, d.here])];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")).join("\n");
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new FileAccessError(file, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
