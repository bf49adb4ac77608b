import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { FileAccessError } from "../errors.ts";

const pictureName = /\.(jpe?g|png)$/i;

/**
 * Paths to read: files and addresses as they are, folders as the pictures in them, patterns (`*`, `?`, and `**` for folders within
 * folders) as the files that fit them; in the order of their names. Names that begin with a dot are passed over, as a shell does:
 * on a Mac's disks `._photo.jpg` lies beside photo.jpg and is none.
 * @param skip hears of each folder within that cannot be listed
 */
export function listPictures(inputs: readonly string[], skip: (error: FileAccessError) => void): string[] {
  return inputs.flatMap((input) => {
    if (/^(?:https?|data|file):/i.test(input)) return [input];
    if (isFolder(input)) {
      const names = walk(input, skip).filter((name) => pictureName.test(name));
      if (names.length === 0) throw new FileAccessError(input, "there is no .jpg or .png file in this folder");
      return names.sort().map((name) => join(input, name));
    }
    // Shells replace patterns themselves, but for those in quotes, and but for Windows'.
    if (!/[*?]/.test(input) || existsSync(input)) return [input];
    return matching(input, skip);
  });
}

function matching(pattern: string, skip: (error: FileAccessError) => void): string[] {
  const parts = pattern.split(/[\\/]/);
  const fixed = parts.findIndex((part) => /[*?]/.test(part));
  const folder = parts.slice(0, fixed).join("/") || (pattern.startsWith("/") ? "/" : ".");
  const free = parts.slice(fixed);
  const fits = new RegExp(`^${free.map(expression).join("/").replaceAll("(?:.*/)?/", "(?:.*/)?")}$`);
  const hidden = free.some((part) => part.startsWith("."));
  const names = isFolder(folder)
    ? walk(folder, skip, { deep: free.length > 1 || free[0] === "**", hidden }).filter((name) =>
        fits.test(name.replaceAll("\\", "/")),
      )
    : [];
  if (names.length === 0) throw new FileAccessError(pattern, "nothing fits this pattern");
  return names.sort().map((name) => (parts.slice(0, fixed).length === 0 ? name : join(folder, name)));
}

/** A part of a pattern as a regular expression. `**` at the end is every file, else every folder. */
function expression(part: string, i: number, { length }: readonly string[]): string {
  if (part === "**") return i === length - 1 ? ".*" : "(?:.*/)?";
  return part
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
}

/** All files in a folder, those in folders within as paths. Links are followed, but for one that leads back to a folder around it. */
function walk(
  folder: string,
  skip: (error: FileAccessError) => void,
  { deep, hidden }: { deep: boolean; hidden: boolean } = { deep: true, hidden: false },
): string[] {
  const found: string[] = [];
  const visit = (prefix: string, around: readonly string[]) => {
    const path = join(folder, prefix);
    for (const name of list(path)) {
      if (name.startsWith(".") && !hidden) continue;
      if (!isFolder(join(path, name))) {
        found.push(join(prefix, name));
        continue;
      }
      if (!deep) continue;
      const real = realpathSync(join(path, name));
      if (around.includes(real)) continue;
      try {
        visit(join(prefix, name), [...around, real]);
      } catch (error) {
        if (!(error instanceof FileAccessError)) throw error;
        skip(error);
      }
    }
  };
  visit("", [realpathSync(folder)]);
  return found;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new FileAccessError(folder, `the folder cannot be listed (${code})`, { cause });
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false; // a link to itself: whoever reads it says so
  }
}
