import { createReadStream, statSync } from "node:fs";
import { opendir, stat } from "node:fs/promises";
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
    if (input === "-") yield* listed(stdin);
    else if (/^s3:/i.test(input) && /^(.*\/)?$/.test(parseS3(input).key)) yield* onlyPictures(listBucket(input));
    else if (address.test(input)) yield input;
    else yield* onDisk(input);
  }
}

async function* onDisk(input: string): AsyncGenerator<string> {
  const known = statSync(input, { throwIfNoEntry: false });
  if (known?.isDirectory()) return yield* sorted(onlyPictures(walk(resolve(input))));
  if (known !== undefined) return yield* pictureName.test(input) ? [resolve(input)] : listed(createReadStream(input));
  if (!isPattern(input)) throw new FileAccessError(input, "there is no such file, folder or pattern");
  const { folder, rest } = splitPattern(input.split(sep).join("/"));
  const base = resolve(folder);
  if (!statSync(base, { throwIfNoEntry: false })?.isDirectory()) {
    throw new FileAccessError(input, `the pattern begins in ${base}, and there is no such folder`);
  }
  const pattern = patternToRegExp(rest);
  const fits = (path: string): boolean => pattern.test(relative(base, path).split(sep).join("/"));
  yield* sorted(filter(walk(base), fits));
}

/** A list's lines; relative paths start where the command was called, as those of `find` do. */
async function* listed(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const text = line.trim();
    if (text !== "") yield address.test(text) ? text : resolve(text);
  }
}

/** Every file below a folder. Links to files count as files; links to folders are not followed: they may lead in circles. */
async function* walk(root: string): AsyncGenerator<string> {
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const entry of await openFolder(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(path)))) yield path;
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

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (s) => s.isFile(),
    () => false,
  );

const onlyPictures = (paths: AsyncIterable<string>): AsyncGenerator<string> =>
  filter(paths, (p) => pictureName.test(p));

async function* filter(paths: AsyncIterable<string>, keep: (path: string) => boolean): AsyncGenerator<string> {
  for await (const path of paths) if (keep(path)) yield path;
}
