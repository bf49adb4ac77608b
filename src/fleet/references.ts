import { createReadStream, statSync } from "node:fs";
import { opendir, realpath, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { createInterface } from "node:readline";
import { FileAccessError } from "../errors.ts";
import { isPattern, patternToRegExp, splitPattern } from "./glob.ts";
import { listBucket, parseS3 } from "./s3.ts";
import { sorted } from "./sorted.ts";

const pictureName = /\.(jpe?g|png)$/i;
const address = /^(?:https?|file|s3):\/\//i;

/**
 * References to pictures, one after the other and never all at once: absolute paths and addresses.
 * An input is a folder (the pictures in it, sorted by their paths), a pattern, a file with one path or address a line (`-` is
 * standard input), `s3://bucket/prefix/`, or one picture.
 * @throws FileAccessError
 */
export async function* references(
  inputs: Iterable<string>,
  stdin: NodeJS.ReadableStream = process.stdin,
): AsyncGenerator<string> {
  for (const input of inputs) {
    if (input === "-") yield* listed(stdin, "standard input");
    else if (/^s3:/i.test(input) && /^(.*\/)?$/.test(parseS3(input).key)) yield* onlyPictures(listBucket(input));
    else if (address.test(input)) yield input;
    else yield* onDisk(input);
  }
}

async function* onDisk(input: string): AsyncGenerator<string> {
  const known = statSync(input, { throwIfNoEntry: false });
  if (known?.isDirectory()) return yield* sorted(onlyPictures(walk(resolve(input))));
  if (known !== undefined)
    return yield* pictureName.test(input) ? [resolve(input)] : listed(createReadStream(input), input);
  if (!isPattern(input)) throw new FileAccessError(input, "there is no such file, folder or pattern");
  const { folder, rest } = splitPattern(input.split(sep).join("/"));
  const base = resolve(folder);
  if (!statSync(base, { throwIfNoEntry: false })?.isDirectory()) {
    throw new FileAccessError(input, `the pattern begins in ${base}, and there is no such folder`);
  }
  const pattern = patternToRegExp(rest);
  const fits = (path: string): boolean => pattern.test(relative(base, path).split(sep).join("/"));
  const hidden = rest.split("/").some((part) => part.startsWith("."));
  yield* sorted(filter(walk(base, hidden), fits));
}

/** A list's lines; relative paths start where the command was called, as those of `find` do. */
async function* listed(input: NodeJS.ReadableStream, name: string): AsyncGenerator<string> {
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    // A picture of another format, an archive, or the output of find -print0: its lines would be thousands of files that are not there.
    if (line.includes("\0")) {
      throw new FileAccessError(name, "is no list of pictures, one path or address a line: there are zero bytes in it");
    }
    const text = line.trim();
    if (text !== "") yield address.test(text) ? text : resolve(text);
  }
}

/** Every file below a folder; hidden names only where they are asked for. Links are followed, but for one that leads back to a folder around it. */
async function* walk(root: string, hidden = false): AsyncGenerator<string> {
  const folders = [{ path: root, around: [await realpath(root)] }];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const { around } = folder;
    for await (const entry of await openFolder(folder.path)) {
      if (entry.name.startsWith(".") && !hidden) continue;
      const path = join(folder.path, entry.name);
      const kind = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
      if (kind?.isFile()) yield path;
      if (!kind?.isDirectory()) continue;
      const real = entry.isSymbolicLink() ? await realpath(path) : join(around.at(-1)!, entry.name);
      if (!around.includes(real)) folders.push({ path, around: [...around, real] });
    }
  }
}

async function openFolder(folder: string): ReturnType<typeof opendir> {
  try {
    return await opendir(folder, { bufferSize: 256 });
  } catch (cause) {
    throw new FileAccessError(folder, `the folder cannot be listed (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    });
  }
}

const onlyPictures = (paths: AsyncIterable<string>): AsyncGenerator<string> =>
  filter(paths, (p) => pictureName.test(p));

async function* filter(paths: AsyncIterable<string>, keep: (path: string) => boolean): AsyncGenerator<string> {
  for await (const path of paths) if (keep(path)) yield path;
}
