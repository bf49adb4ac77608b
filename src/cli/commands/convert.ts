import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { FileAccessError } from "../../errors.ts";
import { loadCheckpoint } from "../../io/checkpoint.ts";
import { planSafetensors, type SaveOptions } from "../../io/saveSafetensors.ts";
import { type Command, text, UsageError } from "../command.ts";

const dtypes = { f32: "F32", f16: "F16", bf16: "BF16" } as const;

export const convert: Command = {
  name: "convert",
  summary: "Write a checkpoint as safetensors: from .pth, .pt, .th or safetensors, in another precision.",
  usage: "[options] IN OUT",
  options: {
    dtype: { type: "string", value: "NAME", help: "f32, f16 or bf16; as in IN when left out" },
    key: { type: "string", value: "NAME", help: "the entry that holds the state dict, where IN has several" },
  },
  examples: ["resnet-ts convert resnet50.pth resnet50.safetensors --dtype f16"],
  async run(values, [from, to, ...more]) {
    if (from === undefined || to === undefined || more.length > 0) throw new UsageError("convert needs IN and OUT");
    const dtype = text(values, "dtype");
    const known = dtypes[dtype as keyof typeof dtypes];
    if (dtype !== undefined && known === undefined)
      throw new UsageError(`--dtype must be f32, f16 or bf16, got ${dtype}`);
    const key = text(values, "key");
    const checkpoint = await loadCheckpoint(from, key === undefined ? {} : { key });
    write(
      to,
      ...planSafetensors(checkpoint, known === undefined ? {} : { dtype: known satisfies SaveOptions["dtype"] }),
    );
    const { size } = statSync(to);
    if (values.json) {
      console.log(
        JSON.stringify({ in: from, out: to, tensors: checkpoint.size, bytes: size, format: checkpoint.format }),
      );
    } else console.log(`${to}: ${checkpoint.size} tensors, ${(size / 1e6).toFixed(1)} MB`);
    return 0;
  },
};

/** Chunk by chunk into a file beside, which takes the name at the end: whoever looks finds the whole file or none. */
function write(to: string, _size: number, chunks: Iterable<Uint8Array>): void {
  const partial = `${to}.${process.pid}.part`;
  const discard = (): void => rmSync(partial, { force: true });
  const interrupted = (): never => {
    discard();
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  let file: number;
  try {
    file = openSync(partial, "w");
  } catch (cause) {
    throw new FileAccessError(to, cause instanceof Error ? cause.message : String(cause), { cause });
  }
  try {
    for (const chunk of chunks) for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
    closeSync(file);
    renameSync(partial, to);
  } catch (error) {
    discard();
    throw error;
  } finally {
    process.removeListener("SIGINT", interrupted);
  }
}
