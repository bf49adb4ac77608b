import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FileAccessError } from "../errors.ts";

const pictureName = /\.(jpe?g|png)$/i;

/**
 * Paths to read: files and addresses as they are, folders as the pictures in them, patterns (`*`, `?`, and `**` for folders within
 * folders) as what fits them; in the order of their names.
 */
export function listPictures(inputs: readonly string[]): string[] {
  return inputs.flatMap((input) => {
    if (/^(?:https?|data|file):/i.test(input)) return [input];
    if (isFolder(input)) {
      const names = walk(input).filter((name) => pictureName.test(name));
      if (names.length === 0) throw new FileAccessError(input, "there is no .jpg or .png file in this folder");
      return names.sort().map((name) => join(input, name));
    }
    // Shells replace patterns themselves, but for those in quotes, and but for Windows'.
    if (!/[*?]/.test(input) || existsSync(input)) return [input];
    return matching(input);
  });
}

function matching(pattern: string): string[] {
  const parts = pattern.split(/[\\/]/);
  const fixed = parts.findIndex((part) => /[*?]/.test(part));
  const folder = parts.slice(0, fixed).join("/") || (pattern.startsWith("/") ? "/" : ".");
  const fits = new RegExp(`^${parts.slice(fixed).map(expression).join("/").replaceAll("(?:.*/)?/", "(?:.*/)?")}$`);
  const deep = parts.slice(fixed).length > 1;
  const names = isFolder(folder) ? walk(folder, deep).filter((name) => fits.test(name.replaceAll("\\", "/"))) : [];
  if (names.length === 0) throw new FileAccessError(pattern, "nothing fits this pattern");
  return names.sort().map((name) => (parts.slice(0, fixed).length === 0 ? name : join(folder, name)));
}

/** A part of a pattern as a regular expression. */
function expression(part: string): string {
  if (part === "**") return "(?:.*/)?";
  return part
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
}

const walk = (folder: string, recursive = true): string[] => readdirSync(folder, { recursive, encoding: "utf8" });

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
