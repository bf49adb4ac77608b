import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FileAccessError } from "../errors.ts";

const pictureName = /\.(jpe?g|png)$/i;

/** Paths to read: files and addresses as they are, folders as the pictures in them, in the order of their names. */
export function listPictures(inputs: readonly string[]): string[] {
  return inputs.flatMap((input) => {
    if (/^(?:https?|data|file):/i.test(input) || !isFolder(input)) return [input];
    const names = readdirSync(input, { recursive: true, encoding: "utf8" }).filter((name) => pictureName.test(name));
    if (names.length === 0) throw new FileAccessError(input, "there is no .jpg or .png file in this folder");
    return names.sort().map((name) => join(input, name));
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The picture that comes with the package. */
export function samplePicture(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const sample = join(folder, "assets/sample/cat.jpg");
    if (existsSync(sample)) return sample;
    if (folder === dirname(folder))
      throw new FileAccessError("assets/sample/cat.jpg", "the sample picture is not there");
  }
}
