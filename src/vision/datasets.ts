import { ArgumentError, FileFormatError } from "../errors.ts";
import { need } from "../options.ts";
import { type RawImage, sizeProblem } from "./image.ts";
import { cifar10Labels, cifar100Labels } from "./labels/cifar.ts";
import type { Labels } from "./labels/labels.ts";

/** One picture and the index of its class. */
export interface Sample {
  readonly image: RawImage;
  readonly label: number;
}

/** How a data set of picture files is opened again, in a worker for one. It can be sent there. */
export interface DatasetOrigin {
  readonly path: string | Blob | Uint8Array;
  readonly split: "train" | "test";
  /** The files in a folder: what was there when it was listed, so that all see the same pictures under the same numbers. */
  readonly files?: readonly string[];
}

/** Pictures with labels, by index. Those that are in memory give a sample at once, those on disk a promise of it. */
export interface ImageDataset {
  readonly length: number;
  /** Names of the classes; a label is an index into these. */
  readonly classes: readonly string[];
  /** Decodes a picture. @throws FileFormatError, FileAccessError */
  get(index: number): Sample | Promise<Sample>;
  /** What errors call a sample, e.g. its file. */
  nameOf(index: number): string;
  /** A label by itself: what `prepareOnDemand` needs, which decodes later. */
  labelOf?(index: number): number;
  /** Where pictures are files of their own: what a worker needs to decode them. `openDataset` says it. */
  readonly origin?: DatasetOrigin;
}

/** Throws unless `index` is a whole number from 0 to below `length`. */
export function checkIndex(index: number, length: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw new ArgumentError(`the data set has samples 0 to ${length - 1}, not ${index}`);
  }
}

/** Pictures of one size in one block of memory. */
function packed(
  name: string,
  classes: readonly string[],
  labels: Uint8Array,
  image: (index: number) => RawImage,
): ImageDataset {
  return {
    length: labels.length,
    classes,
    get(index) {
      checkIndex(index, labels.length);
      return { image: image(index), label: labels[index]! };
    },
    nameOf: (index) => `${name}[${index}]`,
    labelOf: (index) => labels[index]!,
  };
}

const SIDE = 32;
const PLANE = SIDE * SIDE;

/**
 * CIFAR's official binary format: for each picture its label (CIFAR-100: the coarse one, then the fine one) and 3072
 * bytes, the planes R, G, B of 32x32. Which of the two it is follows from the length.
 * @throws FileFormatError
 */
export function cifarDataset(data: Uint8Array, file: string, classes?: readonly string[]): ImageDataset {
  const kinds = [
    { head: 1, names: cifar10Labels },
    { head: 2, names: cifar100Labels },
  ];
  const fits = kinds.filter(({ head, names }) => {
    const size = head + 3 * PLANE;
    if (data.length === 0 || data.length % size !== 0) return false;
    for (let at = head - 1; at < data.length; at += size) if (data[at]! >= names.length) return false;
    return true;
  });
  const kind = fits[0];
  if (kind === undefined) {
    throw new FileFormatError(
      file,
      `is ${data.length} bytes: CIFAR-10's binary format has 3073 for each picture, CIFAR-100's 3074, labels below 10 or 100; unpack archives first; Python's batches are not read`,
    );
  }
  const size = kind.head + 3 * PLANE;
  const labels = Uint8Array.from({ length: data.length / size }, (_, i) => data[i * size + kind.head - 1]!);
  const names = classes ?? kind.names.map((l) => l.name);
  if (names.length !== kind.names.length) {
    throw new ArgumentError(`${file}: ${names.length} class names for ${kind.names.length} classes`);
  }
  return packed(file, names, labels, (index) => {
    const from = index * size + kind.head;
    const out = new Uint8Array(3 * PLANE);
    for (let c = 0; c < 3; c++) {
      for (let p = 0; p < PLANE; p++) out[p * 3 + c] = data[from + c * PLANE + p]!;
    }
    return { data: out, width: SIDE, height: SIDE, channels: 3 };
  });
}

/**
 * MNIST's idx format (also Fashion-MNIST's): one file of grey pictures, one of labels.
 * @throws FileFormatError
 */
export function idxDataset(images: Uint8Array, labels: Uint8Array, file: string, names: Labels): ImageDataset {
  const head = (data: Uint8Array, magic: number, words: number, what: string) => {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (data.length < 4 * words || view.getUint32(0) !== magic) {
      throw new FileFormatError(file, `the ${what} are not in MNIST's idx format`);
    }
    return Array.from({ length: words - 1 }, (_, i) => view.getUint32(4 * (i + 1)));
  };
  const [count, height, width] = head(images, 0x803, 4, "pictures") as [number, number, number];
  const [labelCount] = head(labels, 0x801, 2, "labels") as [number];
  const problem = sizeProblem(width, height);
  if (problem !== undefined) throw new FileFormatError(file, problem);
  if (count !== labelCount) throw new FileFormatError(file, `has ${count} pictures and ${labelCount} labels`);
  if (images.length < 16 + count * width * height || labels.length < 8 + count) {
    throw new FileFormatError(file, `is truncated: it should hold ${count} pictures of ${width}x${height}`);
  }
  const own = labels.subarray(8, 8 + count);
  const bad = own.findIndex((label) => label >= names.length);
  if (bad >= 0)
    throw new FileFormatError(file, `picture ${bad} has label ${own[bad]}, expected 0 to ${names.length - 1}`);
  return packed(
    file,
    names.map((l) => l.name),
    own,
    (index) => {
      const from = 16 + index * width * height;
      return { data: images.slice(from, from + width * height), width, height, channels: 1 };
    },
  );
}

/** Several data sets of the same classes, one after another. */
export function concatenated(parts: readonly ImageDataset[]): ImageDataset {
  const first = parts[0];
  if (first === undefined) throw new ArgumentError("concatenated: there are no data sets");
  if (parts.some((part) => part.classes.join("\n") !== first.classes.join("\n"))) {
    throw new ArgumentError("concatenated: the data sets have different classes");
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const find = (index: number): [ImageDataset, number] => {
    checkIndex(index, length);
    let rest = index;
    let i = 0;
    for (; rest >= parts[i]!.length; i++) rest -= parts[i]!.length;
    return [parts[i]!, rest];
  };
  const ask =
    <T>(question: (part: ImageDataset, index: number) => T) =>
    (index: number): T =>
      question(...find(index));
  return {
    length,
    classes: first.classes,
    get: ask((part, at) => part.get(at)),
    nameOf: ask((part, at) => part.nameOf(at)),
    ...(parts.every((part) => part.labelOf) ? { labelOf: ask((part, at) => part.labelOf!(at)) } : {}),
  };
}

/**
 * For each class of a data set the index of the same class among a network's labels, found by WordNet id or by name
 * (case, `_`, `-` and spaces do not count).
 * @throws ArgumentError that lists the classes that the network does not know
 */
export function matchClasses(classes: readonly string[], labels: Labels): number[] {
  need(Array.isArray(classes) && Array.isArray(labels), "matchClasses", "a list of names and one of labels", classes);
  const plain = (text: string) => text.toLowerCase().replace(/[-_\s]/g, "");
  const known = new Map<string, number>();
  // As they are first: some names differ in nothing but what `plain` takes away, "A" and "a".
  for (const spelt of [(text: string) => text, plain])
    for (const [i, { name, wnid = name }] of labels.entries())
      for (const key of [wnid, spelt(name)]) if (!known.has(key)) known.set(key, i);
  const found = classes.map((name) => known.get(name) ?? known.get(plain(name)));
  const missing = classes.filter((_, i) => found[i] === undefined);
  if (missing.length > 0) {
    const shown = missing.slice(0, 10).join(", ") + (missing.length > 10 ? ", ..." : "");
    throw new ArgumentError(`the network has no class for ${missing.length} of the data's ${classes.length}: ${shown}`);
  }
  return found as number[];
}
