import { statSync } from "node:fs";
import { extname } from "node:path";
import { hdf5Library } from "#platform";
import { FileAccessError } from "../../errors.ts";
import { loadCheckpoint } from "../../io/checkpoint.ts";
import { saveKeras } from "../../io/saveKeras.ts";
import { planSafetensors } from "../../io/saveSafetensors.ts";
import type { Checkpoint } from "../../io/stateDict.ts";
import { type Command, text, UsageError } from "../command.ts";
import { describeLoss, measureLoss } from "../loss.ts";
import { destinationOf, isSameFile, writeWhole } from "../wholeFile.ts";

/** Endings of files that others write: under one, safetensors would be taken for what it is not. */
const foreign = /^\.(?:pth?|th|bin|ckpt|pkl|pickle|tar|zip|keras|hdf5|he5|npz|npy|onnx|pb|tflite|gguf|msgpack)$/i;

const dtypes = { f32: "F32", f16: "F16", bf16: "BF16", i8: "I8" } as const;

export const convert: Command = {
  name: "convert",
  summary: "Write a checkpoint as safetensors (or for Keras): from .pth, safetensors or Keras, in another precision.",
  usage: "[options] IN OUT",
  options: {
    dtype: {
      type: "string",
      value: "NAME",
      help: "f32, f16, bf16, or i8 (8-bit weights, a scale for each channel); as in IN when left out",
    },
    key: { type: "string", value: "NAME", help: "the entry that holds the state dict, where IN has several" },
  },
  examples: [
    "resnet-ts convert resnet50.pth resnet50.safetensors --dtype f16",
    "resnet-ts convert resnet50.pth resnet50-i8.safetensors --dtype i8      # a quarter of f32",
    "resnet-ts convert resnet50_weights.h5 resnet50.safetensors     # torchvision's names, which are timm's too",
    "resnet-ts convert resnet50.safetensors resnet50.weights.h5     # .h5: Keras 2's layout, .weights.h5: Keras 3's",
  ],
  async run(values, [from, to, ...more]) {
    if (from === undefined || to === undefined || more.length > 0) throw new UsageError("convert needs IN and OUT");
    const name = text(values, "dtype");
    const dtype = name !== undefined && Object.hasOwn(dtypes, name) ? dtypes[name as keyof typeof dtypes] : undefined;
    if (name !== undefined && dtype === undefined)
      throw new UsageError(`--dtype must be f32, f16, bf16 or i8, got ${name}`);
    const layout = /\.h5$/i.test(to) ? (/\.weights\.h5$/i.test(to) ? "weights.h5" : "h5") : undefined;
    if (layout !== undefined && dtype !== undefined && dtype !== "F32") {
      throw new UsageError(`Keras's files hold f32: --dtype ${name} is for safetensors`);
    }
    if (foreign.test(extname(to))) {
      throw new UsageError(
        `convert writes safetensors, or Keras's .h5 and .weights.h5, but OUT ends in ${extname(to)}: name it .safetensors`,
      );
    }
    checkPlaces(from, to);
    const key = text(values, "key");
    const checkpoint = await loadCheckpoint(from, key === undefined ? {} : { key });
    if (layout === undefined) {
      // Hugging Face's loaders refuse files that do not say whose layout they have.
      const metadata = {
        format: "pt",
        ...(checkpoint.format === "safetensors" && Object.fromEntries(checkpoint.extra)),
      };
      await writeWhole(to, planSafetensors(checkpoint, { metadata, ...(dtype && { dtype }) })[1]);
    } else await writeForKeras(to, checkpoint, layout);
    // What was written is read again: the loss is measured, not reckoned, and a file that cannot be read is found now.
    const written = await loadCheckpoint(to);
    const loss = measureLoss(checkpoint, written);
    const { size: bytes } = statSync(to);
    if (values.json) {
      console.log(
        JSON.stringify({
          in: from,
          out: to,
          tensors: written.size,
          bytes,
          format: checkpoint.format,
          dtype: name,
          loss,
        }),
      );
    } else console.log(`${to}: ${written.size} tensors, ${(bytes / 1e6).toFixed(1)} MB; ${describeLoss(loss)}`);
    return 0;
  },
};

/** OUT takes its place only at the end, but IN is read until then, and OUT is read again. @throws UsageError, FileAccessError */
function checkPlaces(from: string, to: string): void {
  const { place, isFile } = destinationOf(to);
  if (!isFile) {
    throw new FileAccessError(to, "is a device or a pipe: convert reads again what it wrote, so OUT must be a file");
  }
  if (isSameFile(from, place)) throw new UsageError(`IN and OUT are the same file, ${from}: give OUT another name`);
}

async function writeForKeras(to: string, checkpoint: Checkpoint, layout: "h5" | "weights.h5"): Promise<void> {
  if (!checkpoint.has("bn.weight") && !checkpoint.has("conv1.bias")) {
    console.error(
      "note: keras.applications' ResNets stride in the first 1x1 convolution of a block, torchvision's in the 3x3. Weights that " +
        "were trained for one give the other's shapes, but not its accuracy.",
    );
  }
  await writeWhole(to, [await saveKeras(checkpoint, await hdf5Library(), { layout })]);
}
