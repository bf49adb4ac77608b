import { FileFormatError } from "../errors.ts";
import type { ByteSource } from "./source.ts";
import { readBytes } from "./source.ts";
import type { CheckpointFormat } from "./stateDict.ts";
import { isTorchLegacy } from "./torchLegacy.ts";

const resave =
  "load it with a current PyTorch and save it anew: torch.save(torch.load(file, weights_only=True), file) " +
  "(or convert it to safetensors)";

const ascii = (bytes: Uint8Array) => String.fromCharCode(...bytes);

/** The format by the first bytes, whatever the file is called. Throws with advice for what is none of ours. */
export function detectFormat(source: ByteSource): CheckpointFormat {
  const fail = (message: string): never => {
    throw new FileFormatError(source.name, message);
  };
  if (source.size === 0) fail("is empty");
  const start = readBytes(source, 0, Math.min(source.size, 512));
  const text = ascii(start);
  const trimmed = text.replace(/^ï»¿/, "").trimStart();

  // First safetensors, because the length of its header may begin with any bytes: a JSON object behind a sane length.
  if (text.slice(4, 9) === "\0\0\0\0{") return "safetensors";
  if (text.startsWith("PK\x03\x04") || text.startsWith("PK\x05\x06")) return "torch";
  if (isTorchLegacy(start)) return "torch-legacy";
  if (text.startsWith("\x80")) {
    fail("is a Python pickle, but not one of torch.save; save it with torch.save(model.state_dict(), file)");
  }
  if (/^<(?:!doctype|html|head|\?xml|!--)/i.test(trimmed)) {
    fail("is an HTML page, not weights: the address leads to a web page (a login, or an error), not to the file");
  }
  if (trimmed.startsWith("version https://git-lfs")) {
    fail("is a Git LFS pointer, not the weights themselves; run `git lfs pull`, or download the file");
  }
  if (text.startsWith("\x89HDF\r\n\x1a\n")) return "keras";
  if (text.startsWith("\x1f\x8b")) fail("is compressed with gzip; unpack it first");
  if (text.slice(257, 262) === "ustar") {
    fail(`is a tar archive: a checkpoint of a PyTorch before 0.1.10 (or something else in a tar); ${resave}`);
  }
  if (/^[{[]/.test(trimmed))
    fail("is a JSON text, not weights (an index, a configuration, or a server's error message)");
  // A header's length that is not sane, or a file too short to tell: its reader says what is wrong.
  if (text[8] === "{" || source.size < 9) return "safetensors";
  const bytes = [...start.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return fail(`is no checkpoint: it begins with ${bytes}; safetensors and files of torch.save are read`);
}
