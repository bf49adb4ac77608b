import { listFolder, openFile } from "#platform";
import { ArgumentError, FileFormatError, UnknownNameError } from "../errors.ts";
import { inflateMembers } from "../io/inflate.ts";
import { type ByteSource, memorySource, readBytes } from "../io/source.ts";
import { readZip, type ZipMember } from "../io/zip.ts";
import { checkOptions, need } from "../options.ts";
import { isKind } from "../platform/kinds.ts";
import {
  checkIndex,
  cifarDataset,
  concatenated,
  type DatasetOrigin,
  type ImageDataset,
  idxDataset,
} from "./datasets.ts";
import { decodeImage } from "./decode.ts";
import { gunzipped } from "./gunzip.ts";
import { digitLabels, fashionLabels } from "./labels/cifar.ts";
import { readPictureFile } from "./open.ts";

/** Options of `openDataset`. */
export interface OpenDatasetOptions {
  /** Which part to read where there are several; `"test"` by default. */
  readonly split?: "train" | "test";
}

/** Files of other kinds that lie about in folders of pictures are passed over. */
const pictureName = /\.(jpe?g|png)$/i;
const otherPictureName = /\.(gif|webp|bmp|tiff?|avif|heic|ppm|pgm)$/i;

/** Bytes. A zip of small pictures is read at once: a visit to the disk for each costs more than its decoding. */
const MAX_ZIP_IN_MEMORY = 2 ** 28;

const splitNames = { train: ["train", "training"], test: ["test", "val", "validation", "valid"] } as const;

/**
 * Opens pictures with labels by their path, or one file of them as a Blob or bytes (a zip, CIFAR's binary):
 * - CIFAR-10 or CIFAR-100 in the official binary format: a `.bin` or `.bin.gz` file, or the folder of them;
 * - MNIST's idx files (`.gz` too): the folder, or the file of the pictures beside that of the labels;
 * - a folder, or a zip file, of class folders of JPEG and PNG pictures, also below `train/` and `test/` (or `val/`).
 *   Where there are two parts, `split` says which; without it, it is the test part (`test/` before `val/`, where both are there).
 *   A zip may have one folder around all of that.
 *   Classes are numbered in the order of their names, as torchvision's ImageFolder does. Pictures are decoded when asked for.
 * @throws FileAccessError, FileFormatError
 */
export async function openDataset(
  path: string | Blob | Uint8Array,
  options: OpenDatasetOptions = {},
): Promise<ImageDataset> {
  checkOptions("openDataset", options, "split");
  const { split = "test" } = options;
  if (!Object.hasOwn(splitNames, split)) throw new UnknownNameError("split", split, Object.keys(splitNames));
  if (typeof path !== "string") {
    const isFile = isKind(path, "Uint8Array") || path?.arrayBuffer;
    need(isFile, "openDataset", "a folder's or a file's path, an address, a Blob or bytes", path);
    const bytes = isKind(path, "Uint8Array") ? path : new Uint8Array(await path.arrayBuffer());
    const name = "name" in path && typeof path.name === "string" ? path.name : "the data set";
    if (bytes.subarray(0, 4).join() === "80,75,3,4") return openZip(memorySource(name, bytes), { path, split });
    return cifarDataset(await gunzipped(bytes, name), name);
  }
  const folder = listFolder(path);
  if (folder !== undefined) return openFolder(path, folder.files, split);
  const file = openFile(path);
  if (file === undefined)
    throw new ArgumentError(`${path}: data sets are read from paths, which this runtime does not have`);
  const source: ByteSource = { name: path, size: file.size, readInto: file.readInto };
  if (file.size >= 4 && readBytes(source, 0, 4).join() === "80,75,3,4") {
    const isSmall = file.size <= MAX_ZIP_IN_MEMORY;
    return openZip(isSmall ? memorySource(path, readBytes(source, 0, file.size)) : source, { path, split });
  }
  if (/idx3/.test(path)) return openIdx(path);
  return cifarDataset(await gunzipped(await readPictureFile(path), path), path);
}

async function openFolder(path: string, files: readonly string[], split: "train" | "test"): Promise<ImageDataset> {
  const batches = files.filter((name) =>
    (split === "train" ? /^(data_batch_\d+(\.bin)?|train\.bin)(\.gz)?$/ : /^test(_batch|(_batch)?\.bin)(\.gz)?$/).test(
      name,
    ),
  );
  if (batches.length > 0) {
    const parts: ImageDataset[] = [];
    for (const name of batches) {
      const file = `${path}/${name}`;
      parts.push(cifarDataset(await gunzipped(await readPictureFile(file), file), file));
    }
    return parts.length === 1 ? parts[0]! : concatenated(parts);
  }
  const idx = files.find((name) => (split === "train" ? /^train-images-idx3/ : /^t10k-images-idx3/).test(name));
  if (idx !== undefined) return openIdx(`${path}/${idx}`);
  const all: string[] = [];
  const folders: string[] = [];
  const collect = (folder: string, prefix: string, around: readonly string[]) => {
    const inside = listFolder(folder);
    // A link back to a folder around it would give every picture again, under classes that are none.
    if (inside === undefined || around.includes(inside.path)) return;
    const depth = around.length;
    for (const name of inside.files) all.push(prefix + name);
    if (depth < 2) for (const name of inside.folders) folders.push(`${prefix}${name}/`);
    if (depth < 8)
      for (const name of inside.folders) collect(`${folder}/${name}`, `${prefix}${name}/`, [...around, inside.path]);
  };
  collect(path, "", []);
  return openFiles(path, all, split, folders);
}

const openFiles = (path: string, files: readonly string[], split: "train" | "test", folders?: readonly string[]) =>
  classFolders(path, { path, split, files }, files, (name) => readPictureFile(`${path}/${name}`), folders);

/** Do two data sets hold the same pictures? They do where a folder or a file has no two parts. */
export function samePictures(a: ImageDataset, b: ImageDataset): boolean {
  const pictures = Array.from({ length: a.length }, (_, i) => i);
  return a.length === b.length && pictures.every((i) => a.nameOf(i) === b.nameOf(i));
}

/** The same pictures under the same numbers. @throws FileAccessError, FileFormatError */
export async function reopenDataset({ path, split, files }: DatasetOrigin): Promise<ImageDataset> {
  return typeof path === "string" && files !== undefined ? openFiles(path, files, split) : openDataset(path, { split });
}

async function openIdx(path: string): Promise<ImageDataset> {
  const images = await gunzipped(await readPictureFile(path), path);
  const other = path.replace("images-idx3", "labels-idx1");
  if (other === path)
    throw new FileFormatError(path, "the file of labels beside it is found by its name: ...labels-idx1...");
  const labels = await gunzipped(await readPictureFile(other), other);
  return idxDataset(images, labels, path, /fashion/i.test(path) ? fashionLabels : digitLabels);
}

function openZip(source: ByteSource, origin: DatasetOrigin): ImageDataset {
  // Windows' own programs write `\\` between folders.
  const members = new Map([...readZip(source)].map(([name, member]) => [name.replaceAll("\\", "/"), member]));
  const read = async (name: string) => {
    const member = members.get(name) as ZipMember;
    if (member.method === 0) return readBytes(source, member.offset, member.size);
    const [unpacked, placed] = await inflateMembers(source, new Map([[name, member]]));
    const { offset, size } = placed.get(name) as ZipMember;
    return readBytes(unpacked, offset, size);
  };
  return classFolders(source.name, origin, [...members.keys()], read);
}

/** The folders around all pictures of a zip, which begins with the name of the folder that was packed: no class, nor a split. */
function around(pictures: readonly string[], top = ""): string {
  const first = pictures[0] ?? "";
  const next = first.slice(0, first.indexOf("/", top.length) + 1);
  const splits: readonly string[] = Object.values(splitNames).flat();
  const isAround = next !== top && pictures.every((file) => file.startsWith(next) && file.includes("/", next.length));
  return isAround && !splits.includes(next.slice(top.length, -1).toLowerCase()) ? around(pictures, next) : top;
}

/** A data set from the names of files in class folders, e.g. `test/cat/0001.jpg`. A class folder without a picture is a mistake. */
function classFolders(
  name: string,
  origin: DatasetOrigin,
  files: readonly string[],
  read: (file: string) => Promise<Uint8Array>,
  folders: readonly string[] = [],
): ImageDataset {
  const { split } = origin;
  const pictures = files.filter((file) => pictureName.test(file) && !/(^|\/)\./.test(file));
  const top = origin.files === undefined ? around(pictures) : ""; // of a folder the files are known, of a zip they are not
  const folderOf = (file: string) => file.slice(top.length, file.indexOf("/", top.length) + 1);
  const tops = new Set(pictures.map(folderOf));
  const deep = new Set(pictures.filter((file) => file.includes("/", top.length + folderOf(file).length)).map(folderOf));
  const isName = (folder: string, of: "train" | "test") =>
    splitNames[of].some((name) => folder.toLowerCase() === `${name}/`);
  // Beside buses and cars a folder of trains, or of tests, that holds pictures itself is a class.
  const isClasses = [...tops].some((folder) => folder !== "" && !isName(folder, "train") && !isName(folder, "test"));
  const parts = isClasses ? deep : tops;
  const isSplit = (of: "train" | "test") =>
    splitNames[of].map((name) => [...parts].find((folder) => folder.toLowerCase() === `${name}/`)).find(Boolean);
  const part = (isSplit("train") ?? isSplit("test")) === undefined ? "" : isSplit(split);
  if (part === undefined)
    throw new FileFormatError(name, `has no folder ${splitNames[split].join(" or ")}`, { code: "ERR_NO_SPLIT" });
  const root = top + part;
  const samples: { file: string; folder: string }[] = [];
  for (const file of pictures) {
    const below = file.startsWith(root) ? file.slice(root.length) : "";
    const slash = below.indexOf("/");
    if (slash > 0) samples.push({ file, folder: below.slice(0, slash) });
  }
  if (samples.length === 0) {
    const others = files.filter((file) => otherPictureName.test(file)).length;
    const hint = others > 0 ? ` (${others} pictures of other kinds: convert them first)` : "";
    throw new FileFormatError(
      name,
      `has no JPEG or PNG pictures in class folders${hint}: expected ${part}<class>/<picture>`,
    );
  }
  const empty = folders
    .filter((folder) => folder.startsWith(root) && /^[^./][^/]*\/$/.test(folder.slice(root.length)))
    .filter((folder) => !samples.some(({ file }) => file.startsWith(folder)));
  if (empty.length > 0) {
    const names = empty.map((folder) => folder.slice(root.length, -1)).join(", ");
    throw new FileFormatError(
      name,
      `no JPEG or PNG picture is in the class folder ${names}: put some there, or remove it`,
    );
  }
  const classes = [...new Set(samples.map((s) => s.folder))].sort((a, b) => (a < b ? -1 : 1));
  samples.sort((a, b) => (a.file < b.file ? -1 : 1));
  const labels = new Map(classes.map((folder, i) => [folder, i]));
  const nameOf = (index: number) => `${name}/${samples[index]?.file}`;
  return {
    length: samples.length,
    classes,
    nameOf,
    origin,
    labelOf: (index) => labels.get(samples[index]!.folder)!,
    async get(index) {
      checkIndex(index, samples.length);
      const { file, folder } = samples[index]!;
      return { image: await decodeImage(await read(file), nameOf(index)), label: labels.get(folder)! };
    },
  };
}
